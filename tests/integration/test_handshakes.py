"""Does every WebSocket handshake end in time, and can no client hold up others with what it sends over one?"""

from __future__ import annotations

import json
import socket as sockets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.fuzz.framings import WEBSOCKET
from tests.fuzz.over_sockets import answers_in, talk
from tests.integration.test_bad_requests import address
from tests.integration.test_client_faults import one_error
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway
from tests.socket_client import Socket, dial, raw
from tests.stopwatch import Stopwatch

HEAD_S = 1.0
MASK = bytes(4)
OTHERS_WAIT_S = 0.3


@pytest.fixture(scope="module")
def hasty(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_HEAD_TIMEOUT_S=str(HEAD_S), GATEWAY_BODY_TIMEOUT_S="0.5")
    gateway.define_models({"ok": [{}]}, capabilities=["chat", "responses"])
    return gateway


def handshake(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET /v1/responses HTTP/1.1", b"host: x", WEBSOCKET.encode(), *lines, b"", b""])


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ([b"content-length: 5"], 400, "invalid_handshake"),
        ([b"transfer-encoding: chunked"], 400, "invalid_handshake"),
        ([b"x-long: " + b"a" * 9000], 431, "headers_too_large"),
        ([b"x-long: " + b"a" * 40_000], 431, "headers_too_large"),
        ([b"x-%d: 1" % number for number in range(150)], 431, "headers_too_large"),
        ([b"x-%d: 1" % number for number in range(105)], 431, "headers_too_large"),
        ([b"sec-websocket-protocol: \xff"], 400, "invalid_handshake"),
        ([b"sec-websocket-protocol: openai-insecure-api-key.\xc3\xbc"], 400, "invalid_handshake"),
        ([b"sec-websocket-protocol: a b"], 400, "invalid_handshake"),
        ([b"sec-websocket-protocol: ,"], 400, "invalid_handshake"),
        ([b"sec-websocket-extensions: \xff"], 400, "invalid_handshake"),
        ([b"sec-websocket-key: \xff"], 400, "invalid_handshake"),
        ([b"sec-websocket-version: 8"], 400, "invalid_handshake"),
        ([b"connection: \xff"], 400, "invalid_handshake"),
        ([b"origin: a", b"origin: b"], 400, "invalid_handshake"),
        ([b"host: y"], 400, "invalid_headers"),
        ([b"x-odd: \xff\xfe"], 401, "invalid_api_key"),
        ([b"content-length: 0"], 401, "invalid_api_key"),
        ([b"authorization: Bearer \xff"], 401, "invalid_api_key"),
    ],
)
@pytest.mark.parametrize("behind", [b"", b"hello"])
def test_handshake_when_it_cannot_be_taken_is_an_error_in_json_and_the_end_at_once(
    hasty: LiveGateway, lines: list[bytes], status: int, code: str, behind: bytes
) -> None:
    started = time.monotonic()
    received = talk(address(hasty), list(filter(None, [handshake(*lines), behind])))
    assert time.monotonic() - started < HEAD_S
    assert one_error(received)["code"] == code
    (answer,) = answers_in(received, [])
    assert (answer.status, answer.headers["connection"].lower()) == (status, "close")


@pytest.mark.parametrize("length", [b"0", b"00"])
def test_handshake_when_its_body_is_said_to_be_empty_is_taken(hasty: LiveGateway, length: bytes) -> None:
    key = f"x-api-key: {hasty.key}".encode()
    received = talk(address(hasty), [handshake(key, b"content-length: " + length), b"\x88\x80" + MASK])
    assert received.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("cut", [30, 80, -2])
def test_handshake_when_it_does_not_come_in_time_is_408(hasty: LiveGateway, cut: int) -> None:
    started = time.monotonic()
    received = talk(address(hasty), [handshake()[:cut]])
    assert HEAD_S * 0.9 < time.monotonic() - started < 3 * HEAD_S
    assert one_error(received)["code"] == "request_timeout"


def test_message_when_it_is_begun_and_not_ended_in_time_closes_the_connection(hasty: LiveGateway) -> None:
    for begun in (b"\x01\x81" + MASK + b"{", b"\x81\xfe\xff\xff" + MASK + b"{", b"\x81"):
        with connection(hasty) as sock:
            sock.sendall(begun)
            assert code_of(sock) == 1008


def test_connection_when_silent_between_messages_is_kept(hasty: LiveGateway) -> None:
    with dial(hasty) as socket:
        for _ in range(2):
            assert socket.response("ok")["status"] == "completed"
            time.sleep(1.0)


# Floods


@contextmanager
def connection(gateway: LiveGateway) -> Iterator[sockets.socket]:
    sock = raw(gateway)
    try:
        yield sock
    finally:
        sock.close()


def code_of(sock: sockets.socket) -> int:
    """The code with which the server closes, after whatever else it has sent."""
    received = b""
    with suppress(ConnectionResetError):
        while data := sock.recv(65536):
            received += data
    at = received.rindex(b"\x88", 0, -2)
    return int.from_bytes(received[at + 2 : at + 4], "big")


def frame(head: int, payload: bytes = b"") -> bytes:
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([head]) + length + MASK + payload


HANG = json.dumps({"type": "response.create", "model": "floods/hang", "input": "hi"}).encode()
FLOODS: dict[str, Callable[[], bytes]] = {
    "pings": lambda: frame(0x89) * 400_000,
    "pongs": lambda: frame(0x8A) * 400_000,
    "long pings": lambda: frame(0x89, b"x" * 125) * 40_000,
    "empty fragments": lambda: frame(0x01, b"{") + frame(0x00) * 1_000_000,
    "small fragments": lambda: frame(0x01, b"{") + frame(0x00, b" ") * 400_000,
    "empty messages": lambda: frame(0x81) * 400_000,
    "small messages while a turn is in work": lambda: frame(0x81, HANG) + frame(0x81, b"{}") * 200_000,
    "receipts": lambda: frame(0x81, b'{"type":"response.processed"}') * 100_000,
    "bytes": lambda: frame(0x82, b"x") * 200_000,
    "pings within fragments": lambda: frame(0x01, b"{") + (frame(0x89) + frame(0x00)) * 200_000,
}


@pytest.fixture
def hang(gateway: LiveGateway) -> None:
    gateway.define_models({"floods/hang": [{"upstream_model": "hang"}], "ok": [{}]}, capabilities=["chat", "responses"])


@pytest.mark.usefixtures("hang")
@pytest.mark.parametrize("name", FLOODS)
def test_flood_of_small_frames_is_closed_and_others_hardly_wait(gateway: LiveGateway, name: str) -> None:
    data = FLOODS[name]()
    with connection(gateway) as sock, ThreadPoolExecutor(2) as pool, httpx.Client(trust_env=False) as client:
        client.get(f"{gateway.base_url}/livez")

        def send() -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(data)

        reading, sending = pool.submit(code_of, sock), pool.submit(send)
        longest = 0.0
        while not (reading.done() and sending.done()):
            watch = Stopwatch(gateway)
            client.get(f"{gateway.base_url}/livez")
            longest = max(longest, watch.read())
        assert reading.result() == 1008
        assert longest < OTHERS_WAIT_S


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(0xC1, b"{}"), 1002),  # compressed, which was not agreed on
        (frame(0x09, b"x"), 1002),  # a control frame in fragments
        (frame(0x89, b"x" * 126), 1002),
        (b"\x81\x02{}", 1002),  # not masked
        (frame(0x80), 1002),  # a continuation of nothing
        (frame(0x01, b"{") + frame(0x81, b"{"), 1002),
        (frame(0x83), 1002),
        (frame(0x81, b"\xff"), 1007),
        (b"\x81\xff" + (2**62).to_bytes(8, "big") + MASK, 1009),
    ],
)
def test_frame_when_it_breaks_the_rules_closes_the_connection_and_says_why(hasty: LiveGateway, data: bytes, code: int) -> None:
    with connection(hasty) as sock:
        sock.sendall(data + frame(0x81, b"{}") * 50)
        assert code_of(sock) == code


def test_message_when_it_is_too_large_in_fragments_is_1009(start_gateway: StartGateway) -> None:
    small = start_gateway(GATEWAY_MAX_BODY_BYTES="65536")
    with connection(small) as sock:
        sock.sendall(frame(0x01, b"x" * 4000) + frame(0x00, b"x" * 4000) * 20)
        assert code_of(sock) == 1009


def test_message_when_in_many_large_fragments_is_a_turn(hasty: LiveGateway) -> None:
    with dial(hasty) as socket:
        message = json.dumps({"type": "response.create", "model": "ok", "input": "x" * 8_000_000})
        socket.connection.send([message[at : at + 4096] for at in range(0, len(message), 4096)])
        assert socket.events()[-1]["type"] == "response.completed"


def test_frames_when_they_follow_the_close_are_not_read(hasty: LiveGateway) -> None:
    with connection(hasty) as sock:
        with suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(frame(0x88, b"\x03\xe8") * 400 + frame(0x89) * 400)
        assert code_of(sock) == 1000


def test_gateway_after_all_this_still_answers(gateway: LiveGateway) -> None:
    with dial(gateway) as connected:
        assert isinstance(connected, Socket)
        connected.connection.ping().wait(5)
