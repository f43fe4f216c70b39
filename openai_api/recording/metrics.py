"""What is counted? Sums and histograms of all requests, kept by each worker and added up when somebody asks.

Labels are bounded: names of the catalog, known paths, statuses and outcomes; never anything a client makes up.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

import msgspec

from openai_api.recording.events import Record
from openai_api.recording.rows import CLIENT_CLOSED, cost_of

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
SHORT = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
BUCKETS: Mapping[str, tuple[float, ...]] = {
    "request_seconds": SECONDS,
    "first_token_seconds": SECONDS,
    "upstream_seconds": SECONDS,
    "added_seconds": SHORT,
    "loop_lag_seconds": SHORT,
}

STORE_S = 0.9
LAGS = 1000
TOTAL = "_total"
Labels = tuple[str, ...]


class Histogram(msgspec.Struct):
    """How many values fell into each bucket (the last one is without bound), and their sum."""

    counts: list[int]
    total: float = 0.0


class Tally(msgspec.Struct):
    """All that one worker has counted. Keys are a metric's name and the values of its labels."""

    counters: dict[tuple[str, Labels], float] = {}
    histograms: dict[tuple[str, Labels], Histogram] = {}
    gauges: dict[tuple[str, Labels], float] = {}

    def add(self, name: str, labels: Labels, amount: float = 1) -> None:
        key = (name, labels)
        self.counters[key] = self.counters.get(key, 0) + amount

    def observe(self, name: str, labels: Labels, value: float) -> None:
        buckets = BUCKETS[name]
        histogram = self.histograms.get((name, labels))
        if histogram is None:
            histogram = self.histograms[name, labels] = Histogram([0] * (len(buckets) + 1))
        histogram.counts[bisect_left(buckets, value)] += 1
        histogram.total += value

    def merge(self, other: Tally) -> None:
        """Adds what another worker has counted."""
        for (name, labels), amount in other.counters.items():
            self.add(name, labels, amount)
        for (name, labels), amount in other.gauges.items():
            self.gauges[name, labels] = self.gauges.get((name, labels), 0) + amount
        for key, histogram in other.histograms.items():
            mine = self.histograms.setdefault(key, Histogram([0] * len(histogram.counts)))
            mine.counts = [a + b for a, b in zip(mine.counts, histogram.counts, strict=True)]
            mine.total += histogram.total


class _Stored(msgspec.Struct):
    """A `Tally` as it stands in a file, where keys are lists."""

    counters: list[tuple[str, Labels, float]]
    histograms: list[tuple[str, Labels, Histogram]]
    gauges: list[tuple[str, Labels, float]]


class MetricsSink:
    """Counts the records of this worker, and leaves the sums in `folder` for whichever worker is asked.

    `gauges` gives the worker's present state: name, labels, value; a name that ends in `_total` is a sum since the worker's
    start, which outlives it. Without a folder there is only this process.
    """

    def __init__(self, folder: Path | None, gauges: Callable[[], Iterable[tuple[str, Labels, float]]]) -> None:
        self._tally = Tally()
        self._lags: deque[float] = deque(maxlen=LAGS)
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._gauges = gauges
        self._stored = 0.0
        self._file = folder / f"{os.getpid()}-{os.urandom(4).hex()}.json" if folder else None
        self.lost = 0
        self.takes = None

    def write(self, records: Sequence[Record]) -> None:
        with self._lock:
            for record in records:
                count(self._tally, record)
        if monotonic() - self._stored > STORE_S:
            self._store()

    def lagged(self, seconds: float) -> None:
        """One measurement of how late the event loop was."""
        self._lags.append(seconds)  # without the lock, for which the loop might have to wait

    def spill(self, records: Sequence[Record]) -> bool:
        """What waits is counted later: nothing here blocks for long."""
        return False

    def close(self) -> None:
        self._store()

    def total(self) -> Tally:
        """What all workers have counted so far; those that have ended keep their sums, but not their gauges. Blocks."""
        self._store()
        total = Tally()
        total.merge(self._present())
        for path in self._file.parent.glob("*.json") if self._file else ():
            if path != self._file and (stored := _read(path)) is not None:
                total.merge(_tally(stored, alive=_alive(int(path.stem.partition("-")[0]))))
        return total

    def _present(self) -> Tally:
        with self._lock:
            while self._lags:
                self._tally.observe("loop_lag_seconds", (), self._lags.popleft())
            present = Tally()
            present.merge(self._tally)
        for name, labels, value in self._gauges():
            (present.counters if name.endswith(TOTAL) else present.gauges)[name, labels] = value
        return present

    def _store(self) -> None:
        """Leaves the sums for the other workers; without room on the disk they see older ones."""
        if self._file is None:
            return
        with self._storing, suppress(OSError):
            self._stored = monotonic()
            new = self._file.with_suffix(".new")
            new.write_bytes(msgspec.json.encode(_stored(self._present())))
            new.replace(self._file)


def count(tally: Tally, record: Record) -> None:
    """Counts one request."""
    model = record.served_model or record.model or ""
    if record.pattern and model == record.model:
        model = record.pattern  # whoever asks for many names must not make as many series
    provider = record.attempts[-1].provider if record.attempts else record.provider
    status = str(CLIENT_CLOSED if record.client_aborted else record.status)
    tally.add("requests_total", (record.route, model, provider, status))
    tally.observe("request_seconds", (model,), record.total_s)
    for attempt in record.attempts:
        tally.add("attempts_total", (attempt.provider, attempt.outcome))
        tally.observe("upstream_seconds", (attempt.provider,), attempt.upstream_s)
    if record.first_byte_s is not None and record.attempts:
        tally.observe("added_seconds", (), max(record.first_byte_s - record.upstream_s(), 0.0))
        if record.stream and record.status == 200:
            tally.observe("first_token_seconds", (model,), record.first_byte_s)
    if record.usage is not None and not record.counted_apart:
        tally.add("tokens_total", (model, provider, "input"), record.usage.input_tokens)
        tally.add("tokens_total", (model, provider, "output"), record.usage.output_tokens)
        tally.add("cost_usd_total", (model, provider), cost_of(record, record.usage) or 0.0)


def _stored(tally: Tally) -> _Stored:
    return _Stored(
        [(name, labels, amount) for (name, labels), amount in tally.counters.items()],
        [(name, labels, histogram) for (name, labels), histogram in tally.histograms.items()],
        [(name, labels, amount) for (name, labels), amount in tally.gauges.items()],
    )


def _tally(stored: _Stored, *, alive: bool) -> Tally:
    return Tally(
        {(name, labels): amount for name, labels, amount in stored.counters},
        {(name, labels): histogram for name, labels, histogram in stored.histograms},
        {(name, labels): amount for name, labels, amount in stored.gauges} if alive else {},
    )


def _read(path: Path) -> _Stored | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored)
    except (OSError, msgspec.DecodeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
