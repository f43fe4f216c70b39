"""Which spans does a collector get of a request? Of each dialect, whole and streamed, of what fails, and of each try."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.fakes.chaos.process import eventually
from tests.fakes.collector import Collector, values
from tests.integration.opentelemetry.conftest import SAID_CANARY, StartTold
from tests.live import LiveGateway

SAY = [{"role": "user", "content": SAID_CANARY}]
PARTS = [{"role": "user", "parts": [{"text": SAID_CANARY}]}]
ASKED: dict[str, tuple[str, dict[str, Any], bool]] = {
    "chat": ("/v1/chat/completions", {"model": "chaos/ok", "messages": SAY, "temperature": 0.5, "max_tokens": 9}, False),
    "chat stream": ("/v1/chat/completions", {"model": "chaos/ok", "messages": SAY, "stream": True, "max_tokens": 9}, True),
    "messages": ("/v1/messages", {"model": "chaos/ok", "messages": SAY, "max_tokens": 9}, False),
    "messages stream": ("/v1/messages", {"model": "chaos/ok", "messages": SAY, "max_tokens": 9, "stream": True}, True),
    "responses": ("/v1/responses", {"model": "chaos/ok", "input": SAID_CANARY, "max_output_tokens": 9, "store": False}, False),
    "responses stream": (
        "/v1/responses",
        {"model": "chaos/ok", "input": SAID_CANARY, "max_output_tokens": 9, "store": False, "stream": True},
        True,
    ),
    "gemini": ("/v1beta/models/chaos/ok:generateContent", {"contents": PARTS, "generationConfig": {"maxOutputTokens": 9}}, False),
    "gemini stream": (
        "/v1beta/models/chaos/ok:streamGenerateContent?alt=sse",
        {"contents": PARTS, "generationConfig": {"maxOutputTokens": 9}},
        True,
    ),
    "ollama": ("/api/chat", {"model": "chaos/ok", "messages": SAY, "options": {"num_predict": 9}, "stream": False}, False),
    "ollama stream": ("/api/chat", {"model": "chaos/ok", "messages": SAY, "options": {"num_predict": 9}}, True),
}


NAMED = {
    "OTEL_SERVICE_NAME": "front door",
    "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,team=a%20b",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
}
ROUTES = [{"upstream_model": "status-500"}, {"provider": "dead", "upstream_model": "x"}, {"upstream_model": "ok"}]


def ask(gateway: LiveGateway, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return gateway.http.post(path, json=body, headers={"anthropic-version": "2023-06-01", **headers})


def request_id(answer: httpx.Response) -> str:
    return answer.headers["x-request-id"]


def ordered(span: Span, below: list[Span]) -> bool:
    """Whether the tries lie within the request, one after the other. Clocks are read to the microsecond or so."""
    slack = 50_000
    ends = span.start_time_unix_nano
    for each in below:
        if each.start_time_unix_nano + slack < ends or each.end_time_unix_nano < each.start_time_unix_nano:
            return False
        ends = each.end_time_unix_nano
    return ends <= span.end_time_unix_nano + slack


@pytest.mark.parametrize("kind", ASKED)
def test_request_when_answered_then_its_span_says_what_was_asked_and_used(
    traced: LiveGateway, told: Collector, kind: str
) -> None:
    path, body, stream = ASKED[kind]
    answer = ask(traced, path, body)
    assert answer.status_code == 200, answer.text
    span, below = told.spans_of(request_id(answer))
    found = values(span.attributes)
    assert (span.name, span.kind) == ("chat chaos/ok", Span.SPAN_KIND_SERVER)
    assert found["gen_ai.operation.name"] == "chat"
    assert found["gen_ai.request.model"] == "chaos/ok"
    assert found["gen_ai.request.max_tokens"] == 9
    assert found.get("gen_ai.request.stream", False) is stream
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (11, 3)
    assert found["gen_ai.response.finish_reasons"]
    assert found["http.response.status_code"] == 200
    assert ("gen_ai.response.time_to_first_chunk" in found) is stream
    assert "error.type" not in found
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert not {"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"} & set(found)
    (child,) = below
    assert (child.name, child.kind, child.trace_id) == ("chat ok", Span.SPAN_KIND_CLIENT, span.trace_id)
    assert values(child.attributes)["gen_ai.provider.name"] == "openai_compatible"
    assert ordered(span, below)


def test_embeddings_when_answered_then_the_span_has_their_operation(traced: LiveGateway, told: Collector) -> None:
    body = {"model": "offline/embedding", "input": [SAID_CANARY], "dimensions": 3, "encoding_format": "float"}
    answer = ask(traced, "/v1/embeddings", body)
    assert answer.status_code == 200, answer.text
    span, below = told.spans_of(request_id(answer))
    found = values(span.attributes)
    assert span.name == "embeddings offline/embedding"
    assert found["gen_ai.usage.input_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert found["gen_ai.provider.name"] == "dummy"
    assert found["gen_ai.operation.name"] == "embeddings"
    assert found["gen_ai.embeddings.dimension.count"] == 3
    assert found["gen_ai.request.encoding_formats"] == ["float"]
    assert len(below) == 1


def test_tries_when_they_fail_before_one_answers_then_each_is_a_span_with_its_error(traced: LiveGateway, told: Collector) -> None:
    traced.define_models({"otel/both": ROUTES})
    answer = traced.chat("otel/both")
    assert answer.status_code == 200
    span, below = told.spans_of(request_id(answer))
    assert "error.type" not in values(span.attributes)
    errors = [values(each.attributes).get("error.type") for each in below]
    assert errors == ["upstream_server_error", "upstream_connect_failed", None]
    codes = [each.status.code for each in below]
    assert codes == [Status.STATUS_CODE_ERROR, Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET]
    assert [values(each.attributes)["signalbox.attempt"] for each in below] == [1, 2, 3]
    assert ordered(span, below)


def test_request_when_every_try_fails_then_its_span_has_the_error_that_the_client_was_told(
    traced: LiveGateway, told: Collector
) -> None:
    answer = traced.chat("chaos/status-500")
    span, (child,) = told.spans_of(request_id(answer))
    assert values(span.attributes)["error.type"] == answer.json()["error"]["code"]
    assert values(span.attributes)["http.response.status_code"] == answer.status_code
    assert span.status.code == child.status.code == Status.STATUS_CODE_ERROR


def test_stream_when_it_breaks_off_then_request_and_try_have_failed(traced: LiveGateway, told: Collector) -> None:
    answer = traced.chat("chaos/stream-cut-after-3", stream=True)
    assert answer.status_code == 200
    span, (child,) = told.spans_of(request_id(answer))
    assert values(span.attributes)["error.type"] == values(child.attributes)["error.type"]
    assert span.status.code == child.status.code == Status.STATUS_CODE_ERROR


def test_client_when_it_leaves_then_the_span_says_so(traced: LiveGateway, told: Collector) -> None:
    with pytest.raises(httpx.TimeoutException):
        httpx.post(
            f"{traced.base_url}/v1/chat/completions",
            json={"model": "chaos/hang", "messages": SAY},
            headers={**traced.headers(), "x-request-id": "left-early"},
            timeout=0.5,
            trust_env=False,
        )
    span, (child,) = told.spans_of("left-early")
    assert values(span.attributes)["error.type"] == "client_closed_request"
    assert values(child.attributes)["error.type"] == "cancelled"


def test_answer_when_it_calls_tools_then_the_reason_is_told_and_no_argument(traced: LiveGateway, told: Collector) -> None:
    answer = traced.chat("chaos/ok-tools", tools=[{"type": "function", "function": {"name": "get_weather", "parameters": {}}}])
    span, _ = told.spans_of(request_id(answer))
    assert values(span.attributes)["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert b"get_weather" not in b"".join(each.data for each in told.received)


def test_tags_and_agent_when_a_client_names_them_then_the_span_has_them(traced: LiveGateway, told: Collector) -> None:
    answer = traced.http.post("/v1/chat/completions", json={"model": "chaos/ok", "messages": SAY})
    span, _ = told.spans_of(request_id(answer))
    assert values(span.attributes)["signalbox.client.name"] == "tests"


def test_requests_when_many_come_at_once_then_each_has_its_trace(traced: LiveGateway, told: Collector) -> None:
    answers = [traced.chat("chaos/ok") for _ in range(40)]
    assert eventually(lambda: len(told.spans()) >= 80, 15.0, 0.05)
    traces = {told.spans_of(request_id(answer))[0].trace_id for answer in answers}
    assert len(traces) == 40
    assert len({span.span_id for span in told.spans()}) == len(told.spans())


def test_service_when_it_is_named_then_all_that_is_sent_says_so(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(**NAMED)
    told.reset()
    told.spans_of(request_id(gateway.chat("chaos/ok")))
    (sent, *_) = told.of("traces")
    assert sent.headers["content-encoding"] == "gzip"
    (found,) = sent.message.resource_spans
    named = values(found.resource.attributes)
    assert named["service.name"] == "front door"
    assert (named["deployment.environment.name"], named["team"]) == ("test", "a b")
    assert named["service.version"]
    assert found.scope_spans[0].schema_url == "https://opentelemetry.io/schemas/1.41.0"


def test_conventions_when_the_latest_are_asked_for_then_their_names_are_used(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(GATEWAY_OTEL_CONVENTIONS="latest")
    answer = ask(gateway, "/v1/chat/completions", {"model": "chaos/ok", "messages": SAY, "reasoning_effort": "low"})
    found = values(told.spans_of(request_id(answer))[0].attributes)
    assert found["gen_ai.request.reasoning.level"] == "low"
    released = values(told.spans_of(request_id(gateway.chat("chaos/ok")))[0].attributes)
    assert "gen_ai.request.reasoning.level" not in released


def test_content_when_it_is_wanted_then_only_of_keys_that_allow_it(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(GATEWAY_HOOKS=json.dumps([{"hook": "tracer", "options": {"content": True}}]))
    gateway.define("ok")
    allowing = gateway.create_key("allows", "--record-bodies")["key"]
    gateway.wait_visible("chaos/ok", key=allowing)
    silent = told.spans_of(request_id(gateway.http.post("/v1/chat/completions", json={"model": "chaos/ok", "messages": SAY})))[0]
    assert "gen_ai.input.messages" not in values(silent.attributes)
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "May be kept."}]
    answer = gateway.http.post(
        "/v1/chat/completions", json={"model": "chaos/ok", "messages": messages}, headers={"authorization": f"Bearer {allowing}"}
    )
    found = values(told.spans_of(request_id(answer))[0].attributes)
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]},
        {"role": "user", "parts": [{"type": "text", "content": "May be kept."}]},
    ]
    assert json.loads(found["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello from chaos."}], "finish_reason": "stop"}
    ]
