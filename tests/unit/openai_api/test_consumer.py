"""What does a client get for each request, good or bad? The real consumer, asked by raw ASGI messages."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from models_catalog.snapshot import RetryPolicy
from openai_api.context import Limits
from tests.unit.openai_api.parts import AUTHORIZED, JSON, KEY, NARROW_KEY, Answer, Exchange, Message, Site, entry, target

SMALL = Limits(max_body_bytes=100, body_timeout_s=0.05)
STREAM = {**JSON, "stream": True}


def site(script: str = "echo", **fields: Any) -> Site:
    """A gateway whose model "demo" follows the script, and whose model "other" echoes."""
    return Site(entry("demo", target("1", script), retry=RetryPolicy(0)), entry("other", target("2")), **fields)


def events(answer: Answer) -> list[Any]:
    """The events of a stream that ended as it must."""
    frames = answer.body.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    assert not answer.messages[-1].get("more_body")
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]


# Good answers


async def test_chat_when_asked_then_answered_under_the_models_public_name() -> None:
    at = site("echo")
    answer = await at.ask()
    assert answer.status == 200
    assert answer.json["model"] == "demo"
    assert answer.json["choices"][0]["message"]["content"] == "You said: one two"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["x-gateway-provider"] == "p-1"
    assert answer.headers["x-gateway-attempts"] == "1"
    assert float(answer.headers["x-gateway-overhead-ms"]) >= 0
    record = at.record
    assert (record.status, record.client_id, record.model, record.error) == (200, "c1", "demo", None)
    assert record.usage is not None
    assert record.usage.output_tokens > 0
    assert record.total_s >= (record.first_byte_s or 9) > 0


async def test_chat_when_the_name_has_the_prefix_then_the_answer_has_it_too() -> None:
    answer = await site().ask({**JSON, "model": "tensorzero::model_name::demo"})
    assert (answer.status, answer.json["model"]) == (200, "tensorzero::model_name::demo")


async def test_stream_when_asked_then_events_under_the_public_name_and_done() -> None:
    at = site("echo")
    answer = await at.ask(STREAM)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    told = events(answer)
    assert {event["model"] for event in told} == {"demo"}
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in told) == "You said: one two"
    assert all("usage" not in event for event in told)
    assert at.record.usage is not None
    assert at.record.stream


async def test_stream_when_usage_is_asked_for_then_it_comes() -> None:
    *_, last = events(await site().ask({**STREAM, "stream_options": {"include_usage": True}}))
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("cut-2", "upstream_stream_truncated", "ended before it was complete"),
        ("break-2", "upstream_reset", "closed the connection"),
        ("error-2", "upstream_server_error", "The script says so."),
    ],
)
async def test_stream_when_it_breaks_after_it_began_then_an_error_event_and_done(script: str, code: str, said: str) -> None:
    at = site(script)
    *begun, last = events(await at.ask(STREAM))
    assert len(begun) == 2
    assert last["error"]["code"] == code
    assert said in last["error"]["message"]
    assert (at.record.status, at.record.error) == (200, code)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ("cut-0", 502, "upstream_empty_stream"),
        ("break-0", 502, "upstream_reset"),
        ("error-0", 502, "upstream_server_error"),
        ("refused", 502, "upstream_connect_failed"),
        ("timeout", 504, "ttft_timeout"),
        ("garbage", 502, "upstream_invalid_response"),
        ("status-401", 502, "upstream_auth_failed"),
        ("status-403", 502, "upstream_auth_failed"),
        ("status-402", 429, "upstream_quota_exceeded"),
        ("status-500", 502, "upstream_server_error"),
        ("status-404", 502, "upstream_model_not_found"),
        ("status-503", 503, "upstream_overloaded"),
        ("status-504", 504, "upstream_timeout"),
    ],
)
async def test_failure_when_no_target_is_left_then_its_status_and_code_before_any_byte(
    script: str, status: int, code: str
) -> None:
    at = site(script)
    answer = await at.ask(STREAM)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.headers["x-gateway-attempts"] == "1"
    assert ("x-should-retry" in answer.headers) is (status != 429)
    assert at.record.error == code


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_failure_when_the_provider_refuses_the_request_then_passed_through(status: int) -> None:
    answer = await site(f"status-{status}").ask()
    assert answer.status == status
    assert answer.error == {"message": "The script says so.", "type": "invalid_request_error", "param": None, "code": None}


async def test_rate_limit_when_no_target_is_left_then_429_with_its_pause() -> None:
    answer = await site("rate-limited-7s").ask()
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (429, "upstream_rate_limited", "7")


@pytest.mark.parametrize("script", ["refused", "cut-0", "error-0", "status-401", "rate-limited-3s"])
@pytest.mark.parametrize("stream", [False, True])
async def test_failure_when_another_target_is_left_then_it_answers(script: str, stream: bool) -> None:
    if script in ("cut-0", "error-0") and not stream:
        script = "garbage"
    at = Site(entry("demo", target("1", script), target("2")))
    answer = await at.ask({**JSON, "stream": stream})
    assert (answer.status, answer.headers["x-gateway-provider"], answer.headers["x-gateway-attempts"]) == (200, "p-2", "2")
    assert [line.outcome == "ok" for line in at.record.attempts] == [False, True]


# Keys and models


@pytest.mark.parametrize("headers", [(), ((b"x-api-key", b"wrong"),), ((b"authorization", b"Basic eA=="),)])
async def test_key_when_missing_or_wrong_then_one_identical_401(headers: Any) -> None:
    at = site()
    answers = [await at.ask(body, headers=headers) for body in (JSON, {"model": "unknown"}, b"{broken", b"")]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].error["code"] == "invalid_api_key"
    assert answers[0].headers["www-authenticate"] == "Bearer"


async def test_model_when_not_allowed_then_the_same_answer_as_for_none() -> None:
    at, narrow = site(), ((b"x-api-key", NARROW_KEY.encode()),)
    denied = await at.ask({**JSON, "model": "other"}, headers=narrow)
    absent = await Site().ask({**JSON, "model": "other"})
    assert (denied.status, denied.body) == (absent.status, absent.body)
    assert (denied.status, denied.error["code"], denied.error["param"]) == (404, "model_not_found", "model")
    assert (await at.ask(headers=narrow)).status == 200


async def test_models_when_listed_then_those_of_the_key() -> None:
    narrow = await site().get("/v1/models", ((b"x-api-key", NARROW_KEY.encode()),))
    assert narrow.json == {"object": "list", "data": [{"id": "demo", "object": "model"}]}


@pytest.mark.parametrize("path", ["/v1/models/demo", "/models/demo"])
async def test_model_when_shown_then_its_card(path: str) -> None:
    at = site()
    assert (await at.get(path)).json == {"id": "demo", "object": "model"}
    head = await at.get(path, method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "33")


async def test_model_when_its_name_holds_slashes_then_found() -> None:
    at = Site(entry("org/model é", target("1")))
    assert (await at.get("/v1/models/org/model é")).status == 200
    answer = await at.ask({**JSON, "model": "org/model é"})
    assert answer.json["model"] == "org/model é"
    assert answer.headers["x-gateway-model"] == "org/model %C3%A9"


async def test_authentication_when_off_then_everybody_may_use_everything() -> None:
    assert (await site(authentication=False).ask(headers=())).status == 200


# Bodies


@pytest.mark.parametrize(
    ("body", "code"), [(b"{broken", "invalid_json"), (b"", "invalid_json"), (b'{"model":"demo"}', "missing_required_parameter")]
)
async def test_body_when_broken_then_400(body: bytes, code: str) -> None:
    answer = await site().ask(body)
    assert (answer.status, answer.error["code"]) == (400, code)


def parts(*sizes: int) -> list[Message]:
    messages: list[Message] = [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in sizes]
    return [*messages[:-1], {**messages[-1], "more_body": False}]


@pytest.mark.parametrize(
    ("sizes", "received"),
    [((101,), 1), ((60, 41), 2), ((60, 60, 60, 60), 2), ((1,) * 150, 101)],
    ids=["one", "two", "four", "many"],
)
async def test_body_when_it_is_too_large_then_413_without_reading_on(sizes: tuple[int, ...], received: int) -> None:
    exchange = Exchange(parts(*sizes))
    answer = await site(limits=SMALL).ask(exchange=exchange)
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert answer.headers["connection"] == "close"
    assert exchange.received == received


async def test_body_when_its_declared_length_is_too_large_then_413_without_reading() -> None:
    exchange = Exchange(parts(10))
    answer = await site(limits=SMALL).ask(exchange=exchange, headers=[*AUTHORIZED, (b"content-length", b"101")])
    assert (answer.status, exchange.received) == (413, 0)


async def test_body_when_it_comes_in_parts_within_the_limit_then_taken_whole() -> None:
    data = json.dumps(JSON).encode()
    messages: list[Message] = [{"type": "http.request", "body": data[i : i + 1], "more_body": True} for i in range(len(data))]
    answer = await site(limits=Limits(max_body_bytes=len(data))).ask(exchange=Exchange([*messages, {"type": "http.request"}]))
    assert answer.status == 200


@pytest.mark.parametrize("encoding", [b"compress", b"identity, lz4", b"gzip, br, zstd"])
async def test_body_when_its_encoding_is_unknown_then_415_without_reading(encoding: bytes) -> None:
    exchange = Exchange(parts(10))
    answer = await site().ask(exchange=exchange, headers=[*AUTHORIZED, (b"content-encoding", encoding)])
    assert (answer.status, answer.error["code"], exchange.received) == (415, "unsupported_encoding", 0)
    assert answer.headers["accept-encoding"] == "gzip, deflate, br, zstd"


async def test_body_when_its_encoding_is_identity_then_taken() -> None:
    assert (await site().ask(headers=[*AUTHORIZED, (b"content-encoding", b"identity")])).status == 200


@pytest.mark.parametrize("messages", [[], [{"type": "http.request", "body": b"{", "more_body": True}]], ids=["nothing", "a part"])
async def test_body_when_it_does_not_come_in_time_then_408(messages: list[Message]) -> None:
    answer = await site(limits=SMALL).ask(exchange=Exchange(messages))
    assert (answer.status, answer.error["code"], answer.headers["connection"]) == (408, "request_timeout", "close")


# Headers and ids


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([(b"x-%d" % n, b"x") for n in range(120)], 431, "headers_too_large"),
        ([(b"x-a", b"x" * 40_000)], 431, "headers_too_large"),
        ([(b"host", b"second")], 400, "invalid_headers"),
        ([(b"content-length", b"1"), (b"content-length", b"1")], 400, "invalid_headers"),
        ([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400, "invalid_headers"),
    ],
)
async def test_headers_when_they_are_too_many_or_contradict_then_refused(headers: Any, status: int, code: str) -> None:
    answer = await site().ask(headers=[*AUTHORIZED, *headers])
    assert (answer.status, answer.error["code"], answer.headers["connection"]) == (status, code, "close")


async def test_headers_when_a_name_holds_an_underscore_then_not_read() -> None:
    assert (await site().ask(headers=[(b"x_api_key", KEY.encode())])).status == 401


@pytest.mark.parametrize("given", [b"a", b"req_1.2-3", b"A" * 128])
async def test_request_id_when_sane_then_echoed_and_recorded(given: bytes) -> None:
    at = site()
    for body in (JSON, b"{broken"):
        answer = await at.ask(body, headers=[*AUTHORIZED, (b"x-request-id", given)])
        assert answer.headers["x-request-id"] == at.record.request_id == given.decode()


@pytest.mark.parametrize("given", [b"", b"A" * 129, b"a b", b"a\r\nb", b"\xc3\xa9", b"<script>"])
async def test_request_id_when_odd_or_absent_then_one_is_made(given: bytes) -> None:
    at = site()
    answers = [await at.ask(headers=[*AUTHORIZED, (b"x-request-id", given)]), await at.ask()]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(re.fullmatch("[0-9a-f]{32}", made) for made in ids)
    assert len(set(ids)) == 2
    assert [record.request_id for record in at.kept.records] == ids


# Disconnects


@pytest.mark.parametrize("stream", [False, True])
async def test_disconnect_when_the_upstream_has_not_answered_then_cancelled_at_once(stream: bool) -> None:
    at = site("slow-60s")
    exchange = Exchange([{"type": "http.request", "body": json.dumps({**JSON, "stream": stream}).encode()}])
    asyncio.get_running_loop().call_later(0.05, exchange.leave)
    started = asyncio.get_running_loop().time()
    await at.ask(exchange=exchange)
    assert asyncio.get_running_loop().time() - started < 1
    assert exchange.sent == []
    assert (at.record.client_aborted, at.record.attempts[0].outcome) == (True, "cancelled")
    assert at.breakers.states() == {}
    assert at.state.active == {}


async def test_disconnect_when_the_stream_runs_then_cancelled_at_once() -> None:
    at = site("pace-60s")
    exchange = Exchange([{"type": "http.request", "body": json.dumps(STREAM).encode()}])
    exchange.on_send = lambda message: exchange.leave() if message["type"] == "http.response.body" else None
    await at.ask(exchange=exchange)
    assert [message["type"] for message in exchange.sent] == ["http.response.start", "http.response.body"]
    assert exchange.sent[-1]["more_body"]
    assert (at.record.client_aborted, at.record.status) == (True, 200)


@pytest.mark.parametrize("before", [0, 1], ids=["at once", "within the body"])
async def test_disconnect_when_the_body_is_not_complete_then_nothing_is_sent(before: int) -> None:
    at = site()
    exchange = Exchange([*[{"type": "http.request", "body": b"{", "more_body": True}][:before], {"type": "http.disconnect"}])
    await at.ask(exchange=exchange)
    assert exchange.sent == []
    assert at.record.client_aborted


@pytest.mark.parametrize("stream", [False, True])
async def test_disconnect_when_the_answer_is_complete_then_an_ordinary_end(stream: bool) -> None:
    at = site()
    exchange = Exchange([{"type": "http.request", "body": json.dumps({**JSON, "stream": stream}).encode()}])
    exchange.on_send = lambda message: exchange.leave() if "body" in message and not message.get("more_body") else None
    await at.ask(exchange=exchange)
    assert (at.record.client_aborted, at.record.error, at.record.status) == (False, None, 200)


# The server's own state


async def test_defect_when_a_request_hits_one_then_500_with_the_request_id_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = Site(entry("demo"))
    answer = await at.ask(headers=[*AUTHORIZED, (b"x-request-id", b"r-1")])
    assert (answer.status, answer.error["code"], answer.error["type"]) == (500, "internal_error", "internal_error")
    assert answer.error["message"] == "Internal error. Request id: r-1"
    assert at.record.error == "internal_error"
    assert [record.getMessage() for record in caplog.records if record.name == "gateway.requests"] == ["request failed"]


async def test_gateway_when_no_catalog_is_loaded_then_503_and_never_401() -> None:
    at = Site(loaded=False)
    answer = await at.ask()
    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "not_ready", "1")
    assert (await at.get("/livez", ())).status == 200
    for path in ("/readyz", "/health/readiness", "/health"):
        assert (await at.get(path, ())).status == 503


async def test_gateway_when_it_drains_then_alive_but_not_ready() -> None:
    at = site()
    at.state.draining = True
    assert (await at.get("/livez", ())).status == 200
    assert (await at.get("/readyz", ())).json == {"status": "unavailable", "catalog": "ok", "serving": "error"}
    assert (await at.get("/status", ())).json["status"] == "draining"


@pytest.mark.parametrize(
    "path", ["/livez", "/health/liveness", "/health/liveliness", "/readyz", "/health/readiness", "/health", "/status"]
)
async def test_health_when_asked_without_a_key_then_200(path: str) -> None:
    answer = await site().get(path, ())
    assert answer.status == 200
    assert not {"demo", "everything", "p-1"} & set(re.findall(r"[\w-]+", answer.body.decode()))


@pytest.mark.parametrize("stream", [False, True])
async def test_end_of_the_server_when_a_request_runs_then_told(stream: bool) -> None:
    at = site("pace-60s" if stream else "slow-60s")
    asyncio.get_running_loop().call_later(0.05, at.state.end_all)
    answer = await at.ask({**JSON, "stream": stream})
    if stream:
        assert events(answer)[-1]["error"]["code"] == "server_draining"
    else:
        assert (answer.status, answer.error["code"]) == (503, "server_draining")
    assert not at.record.client_aborted
