"""Are WebSocket messages compressed for clients that offer it, as Codex does, and is what explodes refused?"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import pytest

from tests.fakes.vendor import Vendor, events, vendor
from tests.integration.test_responses import NATIVE, native_events
from tests.live import LiveGateway
from tests.socket_client import Socket, dial

MODEL = "deflate/native"
WORDS = "What is compressed is told again and again. " * 200
PICTURE_BYTES = 300_000


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        shared_gateway.define_at("openai", f"{upstream.base}/v1", {MODEL: ("up", ["responses"])}, name="deflate native")
        yield upstream


@pytest.fixture
def socket(gateway: LiveGateway, upstream: Vendor) -> Iterator[Socket]:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), names=True)
    with dial(gateway, compression="deflate") as socket:
        yield socket


def compressed(text: str) -> bytes:
    """The payload of a text message as RFC 7692 has it, made with a context of its own."""
    packer = zlib.compressobj(wbits=-12)
    data = packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(b"\x00\x00\xff\xff")


def test_turn_when_the_client_offers_deflate_is_compressed_both_ways(socket: Socket, upstream: Vendor) -> None:
    assert socket.connection.response is not None
    agreed = socket.connection.response.headers["sec-websocket-extensions"]
    assert agreed.startswith("permessage-deflate")
    for _ in range(3):  # the context goes on from message to message
        assert socket.response(MODEL, input=WORDS)["status"] == "completed"
        assert upstream.last.json["input"] == WORDS


def test_turn_when_an_event_is_large_comes_whole(socket: Socket, upstream: Vendor) -> None:
    text = "x" * PICTURE_BYTES
    told = native_events()
    part = {"type": "output_text", "text": text, "annotations": []}
    told[-1]["response"] = {**NATIVE, "output": [{**NATIVE["output"][0], "content": [part]}]}
    upstream.answers["/v1/responses"] = lambda seen: events(*told, names=True)
    for _ in range(2):  # small messages before and after it
        assert socket.response(MODEL)["output"][0]["content"][0]["text"] == text


def test_message_when_it_explodes_closes_with_1009_and_says_so(socket: Socket) -> None:
    bomb = json.dumps({"type": "response.create", "model": MODEL, "input": "x" * 20_000_000})
    payload = compressed(bomb)
    assert len(payload) < 100_000
    say(socket, payload)
    assert socket.closed() == 1009


def test_message_when_it_cannot_be_unpacked_closes_with_1002(socket: Socket) -> None:
    say(socket, b"\xff" * 40)
    assert socket.closed() == 1002


def say(socket: Socket, payload: bytes) -> None:
    """Sends one frame with a compressed payload and a mask of zeros, past the client's own compression."""
    head = bytes([0xC1, 0x80 | 127]) + len(payload).to_bytes(8, "big") + bytes(4)
    socket.connection.socket.sendall(head + payload)
