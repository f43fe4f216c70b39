"""What has been measured so far? Counters and histograms since the start, so that a lost message loses nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from time import time
from typing import NamedTuple

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

from openai_api.observing.otlp.values import attributes, nanoseconds

MOST_SERIES = 2000
"""Of one instrument; what goes beyond is measured in one series, as OpenTelemetry's specification wants."""
OVERFLOW = (("otel.metric.overflow", True),)
Labels = tuple[tuple[str, str | bool], ...]


class Instrument(NamedTuple):
    """A histogram with these upper bounds, or a counter if there are none."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] = ()


class _Series:
    __slots__ = ("buckets", "count", "highest", "lowest", "total")

    def __init__(self, bounds: int) -> None:
        self.buckets = [0] * (bounds + 1)
        self.count = 0
        self.total = 0.0
        self.lowest = float("inf")
        self.highest = float("-inf")


class Meter:
    """Used by one thread."""

    def __init__(self) -> None:
        self._started = time()
        self._series: dict[Instrument, dict[Labels, _Series]] = {}

    def record(self, instrument: Instrument, labels: Labels, value: float) -> None:
        known = self._series.setdefault(instrument, {})
        series = known.get(labels)
        if series is None:
            labels = labels if len(known) < MOST_SERIES else OVERFLOW
            series = known.setdefault(labels, _Series(len(instrument.bounds)))
        series.buckets[bisect_left(instrument.bounds, value)] += 1
        series.count += 1
        series.total += value
        series.lowest, series.highest = min(series.lowest, value), max(series.highest, value)

    def metrics(self) -> list[Metric]:
        """All of it, as it is now."""
        now = time()
        return [self._metric(instrument, series, now) for instrument, series in self._series.items()]

    def _metric(self, instrument: Instrument, series: Mapping[Labels, _Series], now: float) -> Metric:
        metric = Metric(name=instrument.name, unit=instrument.unit, description=instrument.description)
        if instrument.bounds:
            points = [self._histogram(instrument, labels, one, now) for labels, one in series.items()]
            metric.histogram.CopyFrom(Histogram(data_points=points, aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE))
        else:
            numbers = [self._number(labels, one, now) for labels, one in series.items()]
            temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            metric.sum.CopyFrom(Sum(data_points=numbers, aggregation_temporality=temporality, is_monotonic=True))
        return metric

    def _histogram(self, instrument: Instrument, labels: Labels, series: _Series, now: float) -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=attributes(dict(labels)),
            start_time_unix_nano=nanoseconds(self._started),
            time_unix_nano=nanoseconds(now),
            count=series.count,
            sum=series.total,
            bucket_counts=series.buckets,
            explicit_bounds=instrument.bounds,
            min=series.lowest,
            max=series.highest,
        )

    def _number(self, labels: Labels, series: _Series, now: float) -> NumberDataPoint:
        return NumberDataPoint(
            attributes=attributes(dict(labels)),
            start_time_unix_nano=nanoseconds(self._started),
            time_unix_nano=nanoseconds(now),
            as_int=int(series.total),
        )


def labels_of(pairs: Iterable[tuple[str, str | bool]]) -> Labels:
    """Without those that say nothing."""
    return tuple((name, value) for name, value in pairs if value != "")
