"""What does a WebSocket bear: clients that stop reading, odd framing, large turns, upstreams that answer as nobody asked?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_responses import NATIVE, chat, native_events
from tests.live import LiveGateway
from tests.live import events as events_of
from tests.live_fixtures import StartGateway
from tests.socket_client import Socket, dial, raw, say

MODELS = ["faults/native", "faults/chat"]
STALL_S = 1.0
BIG = 3 * 1024 * 1024


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"faults/native": ("up", ["responses"])}, name="faults native")
        shared_gateway.define_at("deepseek", base, {"faults/chat": ("up", ["chat", "responses"])}, name="faults chat")
        yield upstream


@pytest.fixture
def socket(gateway: LiveGateway, upstream: Vendor) -> Iterator[Socket]:
    with dial(gateway) as socket:
        yield socket


def test_client_when_it_reads_nothing_is_cut_and_its_upstream_closed(start_gateway: StartGateway) -> None:
    strict = start_gateway(GATEWAY_STALL_TIMEOUT_S=str(STALL_S), GATEWAY_HEAD_TIMEOUT_S="0.3")
    strict.define_models({"flood": [{"upstream_model": "stream-flood"}], "ok": [{}]}, capabilities=["chat", "responses"])
    strict.chaos.reset()
    deaf = raw(strict)
    say(deaf, json.dumps({"type": "response.create", "model": "flood", "input": "hi"}).encode())
    strict.chaos.wait_state("client_closed", within=STALL_S + 6)
    deaf.close()
    with dial(strict) as patient:
        time.sleep(STALL_S)
        assert patient.response("ok")["status"] == "completed"


def test_client_when_it_breaks_the_framing_is_closed_and_ends_its_turn(gateway: LiveGateway) -> None:
    gateway.define_models({"faults/hang": [{"upstream_model": "hang"}]}, capabilities=["chat", "responses"])
    gateway.chaos.reset()
    broken = raw(gateway)
    say(broken, json.dumps({"type": "response.create", "model": "faults/hang", "input": "hi"}).encode())
    assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
    broken.sendall(b"\xff" * 20)
    gateway.chaos.wait_state("client_closed")
    broken.close()


def test_message_when_in_fragments_or_large_is_one_turn_and_large_events_come_whole(socket: Socket, upstream: Vendor) -> None:
    large = [*native_events()]
    text = "x" * BIG
    large[2] = {**large[2], "delta": text}
    upstream.answers["/v1/responses"] = lambda seen: events(*large, names=True)
    message = json.dumps({"type": "response.create", "model": "faults/native", "input": text})
    socket.connection.send([message[:10], message[10:1000], message[1000:]])
    told = socket.events()
    assert told[2]["delta"] == text
    assert upstream.last.json["input"] == text


@pytest.mark.parametrize("model", MODELS)
def test_upstream_when_it_answers_a_stream_with_a_whole_is_told_as_over_http(
    model: str, socket: Socket, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers |= {
        "/v1/responses": lambda seen: said(NATIVE),
        "/v1/chat/completions": lambda seen: said(chat({"content": "x"})),
    }
    answer = gateway.http.post("/v1/responses", json={"model": model, "input": "hi", "stream": True})
    last = socket.turn(model)[-1]
    if answer.status_code == 200:
        assert last["type"] == events_of(answer)[-2]["type"]
    else:
        assert (last["status"], last["error"]) == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_upstream_when_it_fails_is_told_with_the_error_of_http(
    status: int, socket: Socket, gateway: LiveGateway, upstream: Vendor
) -> None:
    error: Any = {"error": {"message": "no", "type": "some_error", "code": "some_code", "param": "input"}}
    for path in ("/v1/responses", "/v1/chat/completions"):
        upstream.answers[path] = lambda seen: said(error, status)
    for model in MODELS:
        answer = gateway.http.post("/v1/responses", json={"model": model, "input": "hi", "stream": True})
        socket.ask(model)
        assert socket.error() == (answer.status_code, answer.json()["error"])


def test_turns_when_there_are_many_on_many_connections_are_all_answered(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), names=True)
    with dial(gateway) as one, dial(gateway) as two, dial(gateway) as three:
        for _ in range(20):
            for socket in (one, two, three):
                socket.ask("faults/native")
            for socket in (one, two, three):
                assert socket.events()[-1]["type"] == "response.completed"
