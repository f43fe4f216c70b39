"""A collector, and gateways that tell it: one with the tracer, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.collector import Collector, collector
from tests.live import PROVIDER_KEY, LiveGateway
from tests.live_fixtures import StartGateway

HEADER_SECRET = "collector-header-canary-77"
SAID_CANARY = "said-canary-4711"
"""Stands in requests whose client does not allow that what was said is kept."""
MODELS = ("ok", "ok-tools", "echo", "status-400", "status-500", "hang", "slow-300ms", "stream-ok-5", "stream-cut-after-3")


@pytest.fixture(scope="module")
def running_collector() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture
def told(running_collector: Collector) -> Iterator[Collector]:
    """The collector; whatever it got in the test holds no secret, and nothing that was said by those who do not allow it."""
    running_collector.reset()
    yield running_collector
    everything = b"".join(each.data for each in running_collector.received)
    for secret in (PROVIDER_KEY, HEADER_SECRET, SAID_CANARY):
        assert secret.encode() not in everything
    assert all(each.headers["authorization"] == f"Bearer {HEADER_SECRET}" for each in running_collector.received)


KEPT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
"""A trace that the client keeps."""
STARTS_WITHIN = 90.0
StartTold = Callable[..., LiveGateway]


@pytest.fixture(scope="module")
def start_told(start_gateway: StartGateway, running_collector: Collector) -> StartTold:
    """Starts a gateway that tells the collector, once its recorder is there."""

    def start(**variables: str) -> LiveGateway:
        env = {
            "GATEWAY_HOOKS": "tracer",
            "OTEL_EXPORTER_OTLP_ENDPOINT": running_collector.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{HEADER_SECRET}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1000",
            "OTEL_METRIC_EXPORT_INTERVAL": "200",
        }
        gateway = start_gateway(**(env | variables))
        gateway.define(*MODELS, capabilities=["chat", "responses"])
        gateway.define_at("dummy", "", {"offline/embedding": ("echo", ["embedding"])}, name="offline")
        wait_told(gateway, running_collector)
        return gateway

    return start


def wait_told(gateway: LiveGateway, running: Collector) -> None:
    """Waits until requests are told: what a recorder that is just starting misses is counted, and not told."""

    def tells() -> bool:
        body = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
        answer = gateway.http.post("/v1/chat/completions", json=body, headers={"traceparent": KEPT})
        return eventually(lambda: running.has_span_of(answer.headers["x-request-id"]), 5.0, 0.05)

    assert eventually(tells, STARTS_WITHIN)


@pytest.fixture(scope="module")
def traced(start_told: StartTold) -> LiveGateway:
    return start_told()
