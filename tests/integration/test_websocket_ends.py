"""How does a WebSocket begin and end: keys, refusals, bad messages, clients that leave, limits, and a server that stops?"""

from __future__ import annotations

import json
import signal
import socket as sockets
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.test_guesses import counting
from tests.live import LiveGateway, error_in
from tests.live_fixtures import StartGateway
from tests.socket_client import Socket, dial, raw, say, url_of
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.alone  # it measures time

BEHAVIOURS = ("ok", "hang", "stream-stall-after-3", "stream-paced-50ms-10", "stream-paced-50ms-400", "stream-flood")
EXIT_WITHIN_S = 5.0
GONE_WITHIN_S = 0.25
"""How soon after the client has gone its upstream connection must be closed."""


def define(gateway: LiveGateway) -> None:
    models = {f"socket/{behaviour}": [{"upstream_model": behaviour}] for behaviour in BEHAVIOURS}
    gateway.define_models(models, capabilities=["chat", "responses"])


@pytest.fixture(scope="module", autouse=True)
def _models(shared_gateway: LiveGateway) -> None:
    define(shared_gateway)


@pytest.fixture
def socket(gateway: LiveGateway) -> Iterator[Socket]:
    with dial(gateway) as socket:
        yield socket


def refused(gateway: LiveGateway, **options: Any) -> tuple[int, Any]:
    """The status with which the handshake is refused, and the body."""
    with pytest.raises(InvalidStatus) as raised, dial(gateway, **options):
        pass
    answer = raised.value.response
    assert answer.headers["x-request-id"]
    return answer.status_code, json.loads(answer.body or b"")


def turn_rows(gateway: LiveGateway, model: str, **where: Any) -> list[dict[str, Any]]:
    return gateway.operator.rows("openai_api.UsageRecord", {"model": model, "path": "/v1/responses", **where})


# How it begins


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "sk-wrong"}], ids=["none", "bad", "bad too"]
)
def test_handshake_when_the_key_is_not_good_is_401_with_the_usual_error(headers: dict[str, str], gateway: LiveGateway) -> None:
    status, body = refused(gateway, additional_headers=headers)
    assert (status, error_in(body)["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses/x", "/v1", "/admin/", "/nothing"])
def test_handshake_when_for_another_path_is_404(path: str, gateway: LiveGateway) -> None:
    status, body = refused(gateway, path=path)
    assert (status, error_in(body)["code"]) == (404, "not_found")


def test_handshake_when_it_carries_two_keys_is_400(gateway: LiveGateway) -> None:
    headers = {"authorization": f"Bearer {gateway.key}"}
    status, body = refused(gateway, additional_headers=headers, subprotocols=["openai-insecure-api-key.another"])
    assert (status, error_in(body)["code"]) == (400, "conflicting_credentials")


@pytest.mark.parametrize("name", ["x-api-key", "api-key"])
def test_handshake_when_the_key_is_in_another_header_is_taken(name: str, gateway: LiveGateway) -> None:
    with dial(gateway, additional_headers={name: gateway.key}) as socket:
        assert socket.response("socket/ok")["status"] == "completed"


@pytest.mark.parametrize(("offered", "chosen"), [(["realtime"], "realtime"), ([], "openai-beta.responses")])
def test_handshake_when_a_browser_sends_the_key_as_a_protocol_is_taken_and_does_not_repeat_it(
    offered: list[Any], chosen: str, gateway: LiveGateway
) -> None:
    protocols: list[Any] = [*offered, f"openai-insecure-api-key.{gateway.key}", "openai-beta.responses"]
    with dial(gateway, additional_headers={}, subprotocols=protocols, compression="deflate") as socket:
        assert socket.connection.subprotocol == chosen
        assert socket.connection.response is not None
        assert gateway.key not in str(socket.connection.response.headers)
        assert socket.response("socket/ok")["status"] == "completed"


@pytest.mark.parametrize("headers", [{}, {"api-key": ""}, {"authorization": "Basic dXNlcjpwYXNz"}])
def test_handshake_when_the_key_is_all_that_is_offered_and_no_browser_asks_does_not_repeat_it(
    headers: dict[str, str], gateway: LiveGateway
) -> None:
    """A browser, which would close without it, gets it: `tests/browser/test_websocket_in_a_browser.py`."""
    with dial(gateway, additional_headers=headers, subprotocols=[f"openai-insecure-api-key.{gateway.key}"]) as socket:
        assert socket.connection.subprotocol is None
        assert socket.connection.response is not None
        assert gateway.key not in str(socket.connection.response.headers)
        assert socket.response("socket/ok")["status"] == "completed"


def test_request_when_it_wants_to_upgrade_with_another_method_or_is_no_upgrade_is_answered_as_http(gateway: LiveGateway) -> None:
    upgrade = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "x" * 22 + "==",
    }
    assert gateway.http.get("/v1/responses").status_code == 405
    assert gateway.http.delete("/v1/models", headers=upgrade).status_code == 405


def test_handshake_when_its_server_serves_the_admin_only_is_404(start_gateway: StartGateway) -> None:
    control = counting(start_gateway, "2")
    codes = [refused(control, key="sk-guess")[0] for _ in range(4)]
    assert codes == [401, 401, 429, 429]
    with dial(control):
        pass
    control.restart(GATEWAY_ROLE="control")
    assert refused(control)[0] == 404


def test_handshake_when_authentication_is_off_is_refused_to_pages_of_other_sites(start_gateway: StartGateway) -> None:
    opened = start_gateway(GATEWAY_AUTHENTICATION="off")
    define(opened)
    status, body = refused(opened, additional_headers={}, origin="https://evil.example")
    assert (status, error_in(body)["code"]) == (403, "origin_not_allowed")
    for origin in (None, opened.base_url):
        with dial(opened, additional_headers={}, origin=origin) as socket:
            assert socket.response("socket/ok")["status"] == "completed"


def test_turn_when_taken_leaves_nothing_in_the_log_of_what_was_said(gateway: LiveGateway) -> None:
    start = gateway.log_path.stat().st_size
    with dial(gateway) as socket:
        socket.response("socket/ok", input="canary-7d1f")
    told = gateway.settled_log(start)
    assert not any(said in told for said in ("canary-7d1f", "response.create", "/v1/responses HTTP"))


# What is not understood


@pytest.mark.parametrize(
    ("message", "status", "code", "param"),
    [
        ("{", 400, "invalid_json", None),
        ("[]", 400, "invalid_json", None),
        (b"{}", 400, "invalid_message", None),
        ({"model": "socket/ok", "input": "hi"}, 400, "invalid_value", "type"),
        ({"type": "response.cancel"}, 400, "invalid_value", "type"),
        ({"type": 1}, 400, "invalid_type", "type"),
        ({"type": "response.create", "input": "hi"}, 400, "missing_required_parameter", "model"),
        ({"type": "response.create", "model": "socket/ok", "background": True}, 400, "invalid_value", "background"),
        ({"type": "response.create", "model": "socket/ok", "stream_id": "a b"}, 400, "invalid_value", "stream_id"),
        ({"type": "response.create", "model": "socket/ok", "stream_id": "a" * 257}, 400, "invalid_value", "stream_id"),
        ({"type": "response.create", "model": "socket/ok", "stream_id": ""}, 400, "invalid_value", "stream_id"),
        ({"type": "response.create", "model": "socket/ok", "input": 7}, 400, "invalid_type", "input"),
        ({"type": "response.create", "model": "socket/ok", "generate": False, "tools": 1}, 400, "invalid_type", "tools"),
        ({"type": "response.create", "model": "nothing", "input": "hi"}, 404, "model_not_found", "model"),
        ({"type": "response.create", "model": "nothing", "input": "hi", "generate": False}, 404, "model_not_found", "model"),
        ('{"type":"response.create","type":"response.create"}', 400, "duplicate_key", None),
        ({"type": "response.create", "model": "socket/ok", "input": "hi", "previous_response_id": "resp_x"}, 400,
         "previous_response_not_found", "previous_response_id"),
    ],
)  # fmt: skip
def test_message_when_it_cannot_be_taken_is_an_error_and_the_connection_goes_on(
    message: Any, status: int, code: str, param: str | None, socket: Socket
) -> None:
    socket.say(message)
    found, error = socket.error()
    assert (found, error["code"], error["param"]) == (status, code, param)
    assert socket.response("socket/ok")["status"] == "completed"


def test_receipt_when_sent_has_no_answer_and_is_no_turn(gateway: LiveGateway, socket: Socket) -> None:
    gateway.define_models({"socket/receipt": [{"upstream_model": "ok"}]}, capabilities=["chat", "responses"])
    first = socket.response("socket/receipt")["id"]
    socket.say({"type": "response.processed", "response_id": first})
    assert socket.turn("socket/receipt")[0]["type"] == "response.created"
    assert eventually(lambda: len(turn_rows(gateway, "socket/receipt")) == 2, 3)


def test_message_when_too_large_closes_the_connection_and_the_server_goes_on(start_gateway: StartGateway) -> None:
    small = start_gateway(GATEWAY_MAX_BODY_BYTES="4096")
    define(small)
    with dial(small) as socket:
        assert socket.response("socket/ok", input="x" * 3900)["status"] == "completed"
        socket.ask("socket/ok", input="x" * 4096)
        assert socket.closed() == 1009
    with dial(small) as socket:
        assert socket.response("socket/ok")["status"] == "completed"


def test_messages_when_too_many_wait_are_refused_and_the_others_answered(socket: Socket) -> None:
    socket.ask("socket/stream-paced-50ms-10")
    told = [socket.event()]
    for _ in range(19):
        socket.ask("socket/ok")
    while sum(event["type"] == "response.completed" for event in told) < 17:
        told.append(socket.event())
    errors = [event for event in told if event["type"] == "error"]
    assert [(event["status"], event["error"]["code"]) for event in errors] == [(429, "too_many_waiting")] * 3


# How it ends


def test_client_when_it_leaves_in_a_turn_closes_the_upstream_and_is_recorded(gateway: LiveGateway) -> None:
    for behaviour, seen in (("hang", 0), ("stream-stall-after-3", 4), ("stream-flood", 4)):
        gateway.chaos.reset()
        with dial(gateway, close_timeout=0.1) as socket:
            socket.ask(f"socket/{behaviour}")
            socket.ask("socket/ok")
            for _ in range(seen):
                socket.event()
            assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
            left, watch = time.monotonic(), Stopwatch(gateway)
            socket.connection.socket.shutdown(sockets.SHUT_RDWR)
        record = gateway.chaos.wait_state("client_closed")
        assert record["started"] + record["ms"] / 1000 - left - watch.starved() < GONE_WITHIN_S
        assert eventually(partial(turn_rows, gateway, f"socket/{behaviour}", client_aborted=True, status=499), 3), behaviour
        assert len(gateway.chaos.log()) == 1, "a turn that nobody waits for was begun"


def test_client_when_it_closes_between_turns_leaves_nothing(gateway: LiveGateway) -> None:
    with dial(gateway) as socket:
        socket.response("socket/ok")
    assert socket.connection.close_code == 1000
    assert eventually(lambda: metric(gateway, "requests_in_flight") == 1, 2)  # that which asks


def metric(gateway: LiveGateway, name: str) -> float:
    lines = gateway.http.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if name in line and line[0] != "#")


def test_turn_when_it_runs_is_counted_among_those_in_flight(socket: Socket, gateway: LiveGateway) -> None:
    socket.ask("socket/stream-stall-after-3")
    socket.event()
    assert eventually(lambda: (metric(gateway, "requests_in_flight"), metric(gateway, "websockets")) == (2, 1), 2)


def test_turn_when_its_upstream_breaks_ends_with_a_failed_response_and_the_connection_goes_on(
    socket: Socket, gateway: LiveGateway
) -> None:
    gateway.define_models({"socket/cut": [{"upstream_model": "stream-cut-after-3"}]}, capabilities=["chat", "responses"])
    *_, last = socket.turn("socket/cut")
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "upstream_stream_truncated")
    assert socket.response("socket/ok")["status"] == "completed"


def test_key_when_revoked_ends_its_connection_with_the_next_turn(gateway: LiveGateway) -> None:
    made = gateway.create_key("to be revoked on a socket")
    gateway.wait_visible(key=made["key"])
    with dial(gateway, made["key"]) as socket:
        first = socket.response("socket/ok")["id"]
        gateway.operator.command("revoke_api_key", made["id"])
        assert eventually(lambda: gateway.listed(made["key"]) is None, 5)
        socket.ask("socket/ok", previous_response_id=first)
        status, error = socket.error()
        assert (status, error["code"]) == (401, "invalid_api_key")
        assert socket.closed() == 1008


def test_response_when_of_another_key_is_not_found(gateway: LiveGateway, socket: Socket) -> None:
    first = socket.response("socket/ok")["id"]
    other = gateway.create_key("another on a socket")["key"]
    gateway.wait_visible(key=other)
    with dial(gateway, other) as theirs:
        theirs.ask("socket/ok", previous_response_id=first)
        status, error = theirs.error()
    assert (status, error["code"]) == (400, "previous_response_not_found")


def test_connection_when_its_time_is_over_is_told_between_turns_and_closed(start_gateway: StartGateway) -> None:
    hasty = start_gateway(GATEWAY_WEBSOCKET_S="0.3")
    define(hasty)
    with dial(hasty) as socket:
        status, error = socket.error()
        assert (status, error["code"]) == (400, "websocket_connection_limit_reached")
        assert "0.3 seconds" in error["message"]
        assert socket.closed() == 1000
    with dial(hasty) as socket:
        assert socket.turn("socket/stream-paced-50ms-10")[-1]["type"] == "response.completed"
        assert socket.error()[1]["code"] == "websocket_connection_limit_reached"
        assert socket.closed() == 1000


# A server that stops


def test_sockets_when_the_server_stops_finish_their_turn_or_are_told_and_the_idle_close_at_once(
    start_gateway: StartGateway, chaos: Chaos
) -> None:
    ending = start_gateway(GATEWAY_DRAIN_S="1.5")
    define(ending)
    with dial(ending) as idle, dial(ending) as short, dial(ending) as endless, dial(ending) as waiting:
        short.ask("socket/stream-paced-50ms-10")
        endless.ask("socket/stream-paced-50ms-400")
        waiting.ask("socket/hang")
        short.ask("socket/ok")  # comes too late
        assert eventually(lambda: len(ending.chaos.log()) == 3, 5)
        ending.process.send_signal(signal.SIGTERM)
        assert idle.closed(1.0) == 1001
        assert short.events()[-1]["type"] == "response.completed"
        assert short.closed(1.0) == 1001
        last = endless.events()[-1]
        assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "server_draining")
        status, error = waiting.error()
        assert (status, error["code"]) == (503, "server_draining")
        assert (endless.closed(), waiting.closed()) == (1001, 1001)
        assert ending.process.wait(EXIT_WITHIN_S) == 0
    assert ending.chaos.wait_idle()
    assert len(ending.operator.rows("openai_api.UsageRecord", {"path": "/v1/responses"})) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_server_when_its_sockets_have_nothing_to_do_ends_at_once_even_if_they_do_not_close(
    workers: int, start_gateway: StartGateway, chaos: Chaos
) -> None:
    ending = start_gateway(workers=workers, GATEWAY_DRAIN_S="8")
    define(ending)
    chaos.reset()
    with dial(ending), dial(ending):
        deaf = [raw(ending), raw(ending)]
        say(deaf[0], json.dumps({"type": "response.create", "model": "socket/stream-paced-50ms-10", "input": "hi"}).encode())
        assert eventually(lambda: len(ending.chaos.log()) == 1, 2)
        ending.process.send_signal(signal.SIGTERM)
        assert ending.process.wait(EXIT_WITHIN_S) == 0  # long before the drain time is over
        for sock in deaf:
            sock.close()


def test_handshake_when_the_server_stops_is_refused(start_gateway: StartGateway) -> None:
    ending = start_gateway(GATEWAY_DRAIN_S="1")
    define(ending)
    with dial(ending) as socket:
        socket.ask("socket/stream-paced-50ms-10")
        socket.event()
        ending.process.send_signal(signal.SIGTERM)
        assert socket.events()[-1]["type"] == "response.completed"
        with pytest.raises((OSError, InvalidHandshake)):
            connect(url_of(ending), additional_headers=ending.headers(), proxy=None)
    assert ending.process.wait(EXIT_WITHIN_S) == 0
