"""How do the sums look to Prometheus? Its text format, rendered by its own library."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from openai_api.recording.metrics import BUCKETS, Labels, Tally

PREFIX = "signalbox_"
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
METRICS: dict[str, tuple[str, Labels]] = {
    "requests_total": ("Requests by path, model, provider and status.", ("path", "model", "provider", "status")),
    "attempts_total": ("Tries at targets by provider and outcome.", ("provider", "outcome")),
    "tokens_total": ("Tokens that providers have told.", ("model", "provider", "direction")),
    "cost_usd_total": ("Cost in US dollars of the tokens, as far as prices are known.", ("model", "provider")),
    "request_seconds": ("From the first byte of a request to the last of its answer.", ("model",)),
    "first_token_seconds": ("From the first byte of a request to the first content event of its stream.", ("model",)),
    "upstream_seconds": ("What a try took until its answer, or until its stream began.", ("provider",)),
    "added_seconds": ("What the gateway added until the first byte of the answer.", ()),
    "loop_lag_seconds": ("How late the event loop was.", ()),
    "requests_in_flight": ("Requests under way.", ()),
    "websockets": ("Open WebSocket connections.", ()),
    "background_responses": ("Responses that are made in the background.", ()),
    "tasks": ("Tasks of the event loops, those of requests included.", ()),
    "breaker_open": ("Workers that leave a target alone, by target.", ("target",)),
    "pool_connections": ("Upstream connections by state.", ("state",)),
    "pool_opened": ("Upstream connections opened so far by the workers that live.", ()),
    "pool_stale_retries": ("Requests sent again because a kept connection was gone, by the workers that live.", ()),
    "records_dropped": ("Records of requests that could not be kept, by the workers that live.", ()),
    "workers": ("Workers that live.", ()),
}


class TallyCollector(Collector):
    """Shows one tally."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        for name, (text, labels) in METRICS.items():
            if name in BUCKETS:
                yield self._histogram(name, text, labels)
            elif name.endswith("_total"):
                yield self._simple(CounterMetricFamily(PREFIX + name, text, labels=labels), name, self._tally.counters)
            else:
                yield self._simple(GaugeMetricFamily(PREFIX + name, text, labels=labels), name, self._tally.gauges)

    @staticmethod
    def _simple(
        family: CounterMetricFamily | GaugeMetricFamily, name: str, values: dict[tuple[str, Labels], float]
    ) -> CounterMetricFamily | GaugeMetricFamily:
        for (known, labels), value in values.items():
            if known == name:
                family.add_metric(list(labels), value)
        return family

    def _histogram(self, name: str, text: str, labels: Labels) -> HistogramMetricFamily:
        family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
        bounds = [*map(str, BUCKETS[name]), "+Inf"]
        for (known, values), histogram in self._tally.histograms.items():
            if known == name:
                sums = [sum(histogram.counts[: place + 1]) for place in range(len(bounds))]
                family.add_metric(list(values), list(zip(bounds, sums, strict=True)), histogram.total)
        return family


def exposition(tally: Tally) -> bytes:
    """The text for a scrape."""
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally))
    return generate_latest(registry)
