"""What becomes of requests and of what is told when the collector is away, refuses, is slow or breaks off?"""

from __future__ import annotations

import json
import socket
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.collector import Behaviour, Collector
from tests.integration.opentelemetry.conftest import StartTold
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

REFUSALS = {
    "503": Behaviour(503),
    "502": Behaviour(502),
    "504": Behaviour(504),
    "429 that says when": Behaviour(429, (("retry-after", "1"),)),
    "reset": Behaviour(0),
    "slow": Behaviour(wait_s=2.5),
}
"""What the same is sent again after. The time-out of the gateway is a second."""
TAKEN = {
    "an empty answer": Behaviour(200, body=b""),
    "an answer that is no message": Behaviour(200, body=b"<html>thanks</html>"),
    "202": Behaviour(202),
}
DROPPED = {"400": Behaviour(400), "401": Behaviour(401), "redirect": Behaviour(302, (("location", "http://127.0.0.1:9/"),))}


def request_id(gateway: LiveGateway) -> str:
    answer = gateway.chat("chaos/ok")
    assert answer.status_code == 200
    return str(answer.headers["x-request-id"])


def logged(gateway: LiveGateway, message: str, start: int) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in gateway.log_text(start).splitlines() if message in line]
    return [line for line in lines if line.get("message") == message]


@pytest.mark.parametrize("kind", REFUSALS)
def test_batch_when_it_is_refused_for_now_then_it_is_sent_again(traced: LiveGateway, told: Collector, kind: str) -> None:
    start = len(traced.log_path.read_bytes())
    told.script("traces", REFUSALS[kind])
    span, _ = told.spans_of(request_id(traced))
    first, *again = told.of("traces", taken=False)
    assert again, "sent once more"
    assert again[0].data == first.data
    assert again[0].at - first.at > 0.45
    assert span.name == "chat chaos/ok"
    assert eventually(lambda: len(logged(traced, "telemetry is sent again", start)) == 1, 5.0)
    assert len(logged(traced, "telemetry cannot be sent", start)) == 1


@pytest.mark.parametrize("kind", TAKEN)
def test_batch_when_it_is_taken_then_it_is_sent_once(traced: LiveGateway, told: Collector, kind: str) -> None:
    told.script("traces", TAKEN[kind])
    told.spans_of(request_id(traced))
    sleep(1.5)
    assert len(told.of("traces")) == 1


@pytest.mark.parametrize("kind", DROPPED)
def test_batch_when_it_is_refused_for_good_then_it_is_dropped_and_the_next_is_sent(
    traced: LiveGateway, told: Collector, kind: str
) -> None:
    told.script("traces", DROPPED[kind])
    lost = request_id(traced)
    assert eventually(lambda: bool(told.of("traces", taken=False)), 10.0)
    told.spans_of(request_id(traced))
    seen = [each for each in told.of("traces", taken=False) if lost.encode() in each.data]
    assert len(seen) == 1


def test_spans_when_a_part_is_rejected_then_that_is_logged(traced: LiveGateway, told: Collector) -> None:
    start = len(traced.log_path.read_bytes())
    told.script("traces", Behaviour(rejected=2))
    request_id(traced)
    assert eventually(lambda: bool(logged(traced, "the collector rejected telemetry", start)), 10.0)
    assert logged(traced, "the collector rejected telemetry", start)[0]["rejected"] == 2


@contextmanager
def nobody() -> Iterator[str]:
    """An address where nobody answers."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def times(gateway: LiveGateway, number: int = 40) -> list[float]:
    found = []
    for _ in range(number):
        began = monotonic()
        assert gateway.chat("chaos/ok").status_code == 200
        found.append(monotonic() - began)
    return found


def test_collector_when_it_is_away_then_requests_take_no_longer_and_it_is_logged_once(start_gateway: StartGateway) -> None:
    with nobody() as address:
        env = {"GATEWAY_HOOKS": "tracer", "GATEWAY_EVENTS": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": address}
        gateway = start_gateway(**env, OTEL_METRIC_EXPORT_INTERVAL="200")
        gateway.define("ok")
        gateway.wait_logged("telemetry cannot be sent") if eventually(lambda: _tells(gateway), 20.0, 0.5) else None
        assert statistics.median(times(gateway)) < 0.2
        sleep(3)
        lines = logged(gateway, "telemetry cannot be sent", 0)
        assert {line["signal"] for line in lines} == {"traces", "logs", "metrics"}
        assert len(lines) == 3
        began = monotonic()
        assert gateway.stop() == 0
        assert monotonic() - began < 9.0


def _tells(gateway: LiveGateway) -> bool:
    gateway.chat("chaos/ok")
    return len(logged(gateway, "telemetry cannot be sent", 0)) == 3


def test_collector_when_it_hangs_then_requests_take_no_longer(traced: LiveGateway, told: Collector) -> None:
    told.always("traces", Behaviour(wait_s=1.5))
    assert statistics.median(times(traced)) < 0.2
    told.always("traces", None)
    told.spans_of(request_id(traced))


def test_end_of_the_server_when_spans_wait_then_they_are_sent_first(start_told: StartTold, told: Collector) -> None:
    gateway = start_told()
    ids = [request_id(gateway) for _ in range(20)]
    assert gateway.stop() == 0
    for each in ids:
        told.spans_of(each)
