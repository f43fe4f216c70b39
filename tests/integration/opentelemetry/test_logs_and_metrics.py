"""What does the sink `otlp` send? Metrics whose sums are right, and the events of sessions as log records."""

from __future__ import annotations

from typing import Any

import pytest

from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, HistogramDataPoint
from tests.fakes.chaos.process import eventually
from tests.fakes.collector import WITHIN, Collector, values
from tests.integration.opentelemetry.conftest import SAID_CANARY, StartTold
from tests.live import LiveGateway

SAY = [{"role": "user", "content": SAID_CANARY}]
CHAT = {"model": "chaos/ok", "messages": SAY}


@pytest.fixture(scope="module")
def sinking(start_told: StartTold) -> LiveGateway:
    return start_told(GATEWAY_EVENTS="otlp")


def points(told: Collector, name: str, **labels: str) -> list[HistogramDataPoint]:
    metric = told.metrics().get(name)
    found = [] if metric is None else list(metric.histogram.data_points)
    wanted = {key.replace("__", "."): value for key, value in labels.items()}
    return [point for point in found if wanted.items() <= values(point.attributes).items()]


def total(told: Collector, name: str, **labels: str) -> tuple[int, float]:
    """Count and sum."""
    found = points(told, name, **labels)
    return sum(point.count for point in found), sum(point.sum for point in found)


def test_metrics_when_requests_are_answered_then_their_sums_are_right(sinking: LiveGateway, told: Collector) -> None:
    sinking.define_models({"sums/a": [{"upstream_model": "ok"}], "sums/b": [{"upstream_model": "ok-usage-100-7"}]})
    for _ in range(3):
        assert sinking.chat("sums/a").status_code == 200
    for _ in range(2):
        assert sinking.chat("sums/b", stream=True).status_code == 200
    usage, duration = "gen_ai.client.token.usage", "gen_ai.client.operation.duration"
    a, b = {"gen_ai__request__model": "sums/a"}, {"gen_ai__request__model": "sums/b"}
    assert eventually(lambda: total(told, duration, **b)[0] == 2, WITHIN, 0.05)
    assert total(told, usage, **a, gen_ai__token__type="input") == (3, 33)
    assert total(told, usage, **a, gen_ai__token__type="output") == (3, 9)
    assert total(told, usage, **b, gen_ai__token__type="input") == (2, 200)
    assert total(told, usage, **b, gen_ai__token__type="output") == (2, 14)
    assert total(told, duration, **a)[0] == total(told, "gen_ai.server.request.duration", **a)[0] == 3
    assert total(told, duration, **a)[1] <= total(told, "gen_ai.server.request.duration", **a)[1] < 3.0
    assert points(told, "gen_ai.server.time_to_first_token", **a) == []
    assert total(told, "gen_ai.server.time_to_first_token", **b)[0] == 2
    assert total(told, "gen_ai.client.operation.time_to_first_chunk", **b)[0] == 2
    (point,) = points(told, usage, **b, gen_ai__token__type="input")
    assert point.explicit_bounds[:3] == [1, 4, 16]
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert point.bucket_counts[4] == 2, "100 tokens are in (64, 256]"
    assert (point.min, point.max) == (100, 100)
    assert values(point.attributes)["gen_ai.provider.name"] == "openai_compatible"
    assert told.metrics()[usage].histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE


def test_metrics_when_a_request_fails_then_its_duration_says_how_without_tokens(sinking: LiveGateway, told: Collector) -> None:
    code = sinking.chat("chaos/status-500").json()["error"]["code"]
    failed = {"gen_ai__request__model": "chaos/status-500", "error__type": code}
    assert eventually(lambda: total(told, "gen_ai.client.operation.duration", **failed)[0] == 1, WITHIN, 0.05)
    assert points(told, "gen_ai.client.token.usage", gen_ai__request__model="chaos/status-500") == []


def test_metrics_when_models_are_made_up_then_there_is_no_series_of_them(sinking: LiveGateway, told: Collector) -> None:
    for number in range(5):
        assert sinking.chat(f"made-up-{number}").status_code == 404
    sinking.chat("chaos/ok")
    assert eventually(lambda: bool(told.of("metrics")), WITHIN, 0.05)
    assert b"made-up" not in b"".join(each.data for each in told.of("metrics"))


def test_metrics_when_the_latest_names_are_asked_for_then_tokens_are_counters(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(GATEWAY_EVENTS="otlp", GATEWAY_OTEL_CONVENTIONS="latest")
    told.reset()
    gateway.define_models({"sums/new": [{"upstream_model": "ok"}]})
    gateway.chat("sums/new")
    embedded = gateway.http.post("/v1/embeddings", json={"model": "offline/embedding", "input": "hi"}).json()["usage"]

    def count(name: str) -> int:
        metric = told.metrics().get(name)
        found: Any = [] if metric is None else metric.sum.data_points
        return sum(point.as_int for point in found if values(point.attributes).get("gen_ai.request.model") == "sums/new")

    assert eventually(lambda: count("gen_ai.client.inference.usage.input_tokens") == 11, WITHIN, 0.05)
    assert count("gen_ai.client.inference.usage.output_tokens") == 3
    labels = {"gen_ai__request__model": "sums/new"}
    assert total(told, "gen_ai.client.inference.operation.input_tokens", **labels) == (1, 11)
    other = {"gen_ai__request__model": "offline/embedding"}
    assert eventually(lambda: total(told, "gen_ai.client.embeddings.duration", **other)[0] == 1, WITHIN, 0.05)
    assert total(told, "gen_ai.client.embeddings.operation.input_tokens", **other) == (1, embedded["prompt_tokens"])


def records(told: Collector, session: str) -> list[tuple[str, dict[str, Any], Any]]:
    found = [(record.event_name, values(record.attributes), record) for record in told.logs()]
    return [each for each in found if each[1].get("session.id") == session]


def test_events_when_a_request_is_answered_then_they_are_records_beside_its_span(sinking: LiveGateway, told: Collector) -> None:
    answer = sinking.http.post("/v1/chat/completions", json=CHAT, headers={"x-gateway-session-id": "otel-session-1"})
    span, _ = told.spans_of(answer.headers["x-request-id"])
    wanted = ["session.start", "llm.call.start", "llm.call.finish"]
    assert eventually(lambda: [name for name, _, _ in records(told, "otel-session-1")] == wanted, WITHIN, 0.05)
    (_, _, start), _, (_, finish, record) = records(told, "otel-session-1")
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert record.severity_number == logs_pb2.SEVERITY_NUMBER_INFO
    assert start.time_unix_nano <= record.time_unix_nano
    assert finish["gen_ai.usage.input_tokens"] == finish["llm.usage.input_tokens"] == 11
    assert finish["gen_ai.conversation.id"] == "otel-session-1"
    assert finish["signalbox.request.id"] == answer.headers["x-request-id"]
    assert values(span.attributes)["gen_ai.conversation.id"] == "otel-session-1"


def test_events_when_a_request_fails_then_the_record_is_an_error(sinking: LiveGateway, told: Collector) -> None:
    body = {**CHAT, "model": "chaos/status-400"}
    sinking.http.post("/v1/chat/completions", json=body, headers={"x-gateway-session-id": "otel-session-2"})
    assert eventually(lambda: "llm.call.error" in [name for name, _, _ in records(told, "otel-session-2")], WITHIN, 0.05)
    record = next(record for name, _, record in records(told, "otel-session-2") if name == "llm.call.error")
    assert record.severity_number == logs_pb2.SEVERITY_NUMBER_ERROR
    assert values(record.attributes)["error.type"]


def test_events_when_what_was_said_is_wanted_then_only_of_keys_that_allow_it(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(GATEWAY_EVENTS="otlp", GATEWAY_OTEL_CONTENT="on")
    allowing = gateway.create_key("allows", "--record-bodies")["key"]
    gateway.wait_visible("chaos/ok", key=allowing)
    kept = {"model": "chaos/ok", "messages": [{"role": "user", "content": "May be kept."}]}
    gateway.http.post("/v1/chat/completions", json=CHAT, headers={"x-gateway-session-id": "otel-silent"})
    headers = {"authorization": f"Bearer {allowing}", "x-gateway-session-id": "otel-allowed"}
    gateway.http.post("/v1/chat/completions", json=kept, headers=headers)
    assert eventually(lambda: len(records(told, "otel-allowed")) == 3, WITHIN, 0.05)
    told_of = {name: found for name, found, _ in records(told, "otel-allowed")}
    assert "May be kept." in str(told_of["llm.call.start"]["llm.request.data"])
    assert "Hello from chaos." in str(told_of["llm.call.finish"]["llm.response.content"])
