"""How do the sums look to Prometheus? Its text format, rendered by its own library."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from openai_api.recording.metrics import BUCKETS, Labels, Tally

PREFIX = "signalbox_"
V = TypeVar("V")
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUDGET = ("budget", "scope", "subject", "unit", "period")
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
    "breaker_open": ("Workers that leave a target alone.", ("model", "provider", "upstream_model")),
    "route_requests_total": ("Tries at routes that share or have limits.", ("model", "provider", "upstream_model")),
    "route_passed_over_total": ("Times that such a route was passed over, being full.", ("model", "provider", "upstream_model")),
    "route_running": ("Requests under way at such routes.", ("model", "provider", "upstream_model")),
    "route_full": ("Workers that find such a route at a limit.", ("model", "provider", "upstream_model")),
    "pool_connections": ("Upstream connections by state.", ("state",)),
    "pool_opened_total": ("Upstream connections opened.", ()),
    "pool_stale_retries_total": ("Requests sent again because a kept connection was gone.", ()),
    "records_dropped_total": ("Records of requests that could not be kept.", ()),
    "transcripts_dropped_total": ("Exchanges that an observer, or a sink of events, has not seen for want of room.", ()),
    "hook_failures_total": ("Calls of a hook that failed.", ("hook",)),
    "cache_hits_total": ("Requests that the cache has answered.", ()),
    "cache_misses_total": ("Requests for which the cache was asked, and had nothing.", ()),
    "cache_joined_total": ("Requests that were answered by the call of an equal one.", ()),
    "cache_evictions_total": ("Cached answers that had to go for others.", ()),
    "cache_purged_total": ("Cached answers in the memory of workers that were purged.", ()),
    "cache_failures_total": ("Times that Redis was lost where it keeps cached answers.", ()),
    "cache_entries": ("Cached answers in the memory of workers.", ()),
    "cache_bytes": ("Bytes of cached answers in the memory of workers.", ()),
    "sessions": ("Sessions that workers remember, those of each.", ()),
    "sessions_redis_failures_total": ("Times that Redis was lost where sessions are shared over it.", ()),
    "budget_spent": ("Spent of a budget in its present period, in its unit.", BUDGET),
    "budget_held": ("Held of a budget by requests that run.", BUDGET),
    "budget_amount": ("What a budget comes to.", BUDGET),
    "budget_refusals_total": ("Requests that a budget has refused.", ("scope",)),
    "ledger_lost_total": ("Entries of the ledger of budgets that could not be kept.", ()),
    "limits_refused_total": ("Refusals by limits, by whose they are and what they count.", ("scope", "counted")),
    "limits_waiting": ("Requests that wait for a limit.", ()),
    "limits_local": ("Workers that count limits alone, as what they share is away.", ()),
    "limits_store_failures_total": ("Times that the store of the counters was lost.", ()),
    "workers": ("Workers that live.", ()),
    "build_info": ("1, with the versions that run.", ("version", "python")),
}


class TallyCollector(Collector):
    """Shows one tally, of that version of the gateway."""

    def __init__(self, tally: Tally, version: str) -> None:
        info: dict[tuple[str, Labels], float] = {("build_info", (version, platform.python_version())): 1.0}
        self._values = _by_name(tally.counters) | _by_name(tally.gauges) | _by_name(info)
        self._histograms = _by_name(tally.histograms)

    def collect(self) -> Iterator[Metric]:
        for name, (text, labels) in METRICS.items():
            if name in BUCKETS:
                yield self._histogram(name, text, labels)
                continue
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(PREFIX + name, text, labels=labels)
            for values, value in self._values.get(name, ()):
                family.add_metric(values, value)
            yield family

    def _histogram(self, name: str, text: str, labels: Labels) -> HistogramMetricFamily:
        family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
        bounds = [*map(str, BUCKETS[name]), "+Inf"]
        for values, histogram in self._histograms.get(name, ()):
            sums = accumulate(histogram.counts)
            family.add_metric(values, list(zip(bounds, sums, strict=True)), histogram.total)
        return family


def _by_name(values: Mapping[tuple[str, Labels], V]) -> dict[str, list[tuple[list[str], V]]]:
    found: dict[str, list[tuple[list[str], V]]] = {}
    for (name, labels), value in values.items():
        found.setdefault(name, []).append((list(labels), value))
    return found


def exposition(tally: Tally, version: str) -> bytes:
    """The text for a scrape of that version of the gateway."""
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally, version))
    return generate_latest(registry)
