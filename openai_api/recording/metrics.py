"""What is counted? Sums and histograms of all requests by the recorder, the present by each worker; added up when somebody asks.

Labels are bounded: names of the catalog, known paths, statuses and outcomes; never anything a client makes up.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import msgspec

from openai_api.recording.batches import Batch
from openai_api.recording.costs import cost_of, used
from openai_api.recording.events import Record
from openai_api.recording.rows import CLIENT_CLOSED, dollars

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
WORKERS = 1000
"""Workers of which it is remembered which batches have been counted, the latest ones; older workers ended long ago."""
TOTAL = "_total"
RECORDS, TRANSCRIPTS = "records_dropped_total", "transcripts_dropped_total"
Labels = tuple[str, ...]


class Histogram(msgspec.Struct):
    """How many values fell into each bucket (the last one is without bound), and their sum."""

    counts: list[int]
    total: float = 0.0


class Tally(msgspec.Struct):
    """All that one process has counted. Keys are a metric's name and the values of its labels."""

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


class Seen:
    """Which batches of each worker have been counted: ranges of their numbers, of which there is one in peace."""

    def __init__(self, ranges: Mapping[str, Sequence[tuple[int, int]]] = MappingProxyType({})) -> None:
        self.ranges = {worker: list(known) for worker, known in ranges.items()}

    def add(self, worker: str, number: int) -> bool:
        """Notes a batch; False if it was noted before."""
        known = self.ranges.setdefault(worker, [])
        place = bisect_right(known, (number, sys.maxsize))
        if place and number < known[place - 1][1]:
            return False
        known.insert(place, (number, number + 1))
        if place + 1 < len(known) and known[place + 1][0] == number + 1:
            known[place : place + 2] = [(number, known[place + 1][1])]
        if place and known[place - 1][1] == number:
            known[place - 1 : place + 1] = [(known[place - 1][0], known[place][1])]
        while len(self.ranges) > WORKERS:
            del self.ranges[next(iter(self.ranges))]
        return True


class _Stored(msgspec.Struct):
    """A `Tally` as it stands in a file, where keys are lists; `seen` are the batches that are counted in it."""

    counters: list[tuple[str, Labels, float]]
    histograms: list[tuple[str, Labels, Histogram]]
    gauges: list[tuple[str, Labels, float]]
    seen: dict[str, list[tuple[int, int]]] = {}


class Counts:
    """Counts the records of all batches that come, each batch once.

    With a `file` the sums outlive the process: they are read from there, and left there with what has been counted in them.
    """

    def __init__(self, file: Path | None = None) -> None:
        stored = _read(file) if file else None
        self._tally = _tally(stored, alive=False) if stored else Tally()
        self._seen = Seen(stored.seen if stored else {})
        self._lock = threading.Lock()
        self._file = file
        self._changed = True

    def count(self, batch: Batch) -> bool:
        """Counts it; False if it has been counted before."""
        with self._lock:
            fresh = self._seen.add(batch.worker, batch.number)
            if fresh:
                self._changed = True
                for record in batch.records:
                    count(self._tally, record)
        return fresh

    def lose(self, count: int, name: str = RECORDS) -> None:
        """Counts records that could not be kept, or transcripts that somebody has not seen."""
        if count:
            with self._lock:
                self._changed = True
                self._tally.add(name, (), count)

    def add_to(self, tally: Tally) -> None:
        """Adds the sums to those there."""
        with self._lock:
            tally.merge(self._tally)

    def store(self) -> None:
        """Leaves the sums in the file. Without room on the disk those of before stay there."""
        if self._file is None or not self._changed:
            return
        with self._lock:
            self._changed = False
            stored = _stored(self._tally)
            stored.seen = self._seen.ranges
            content = msgspec.json.encode(stored)
        _leave(self._file, content)


class WorkerMetrics:
    """What a worker tells: its present state, how late its loop was, and the sums of all.

    `gauges` gives the present state: name, labels, value; a name that ends in `_total` is a sum since the worker's start, which
    outlives it. `counts` are the sums of records as far as this worker counts them. Workers meet in `folder`; without one there
    is only this process.
    """

    def __init__(
        self, folder: Path | None, gauges: Callable[[], Iterable[tuple[str, Labels, float]]], counts: Counts | None = None
    ) -> None:
        self._tally = Tally()
        self._lags: deque[float] = deque(maxlen=LAGS)
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._gauges = gauges
        self._counts = counts
        self._file = folder / f"{os.getpid()}-{os.urandom(4).hex()}.json" if folder else None

    def lagged(self, seconds: float) -> None:
        """One measurement of how late the event loop was."""
        self._lags.append(seconds)  # without the lock, for which the loop might have to wait

    async def keep_stored(self) -> None:
        """Leaves what this worker tells for the others, once a second, until cancelled."""
        while self._file is not None:
            await asyncio.sleep(STORE_S)
            await asyncio.to_thread(self.store)

    def total(self) -> Tally:
        """What all workers have counted so far; those that have ended keep their sums, but not their gauges. Blocks."""
        self.store()
        total = self._present()
        for path in self._file.parent.glob("*.json") if self._file else ():
            if path != self._file and (stored := _read(path)) is not None:
                total.merge(_tally(stored, alive=_alive(path)))
        return total

    def store(self) -> None:
        """Leaves what this worker tells for the others; without room on the disk they see what it told before. Blocks."""
        if self._file is not None:
            with self._storing:
                _leave(self._file, msgspec.json.encode(_stored(self._present())))

    def _present(self) -> Tally:
        with self._lock:
            while self._lags:
                self._tally.observe("loop_lag_seconds", (), self._lags.popleft())
            present = Tally()
            present.merge(self._tally)
        if self._counts is not None:
            self._counts.add_to(present)
        for name, labels, value in self._gauges():
            if name.endswith(TOTAL):
                present.add(name, labels, float(value))
            else:
                present.gauges[name, labels] = float(value)  # a flag would be written as one, which the others cannot read
        return present


def _leave(file: Path, content: bytes) -> None:
    with suppress(OSError):
        new = file.with_suffix(".new")
        new.write_bytes(content)
        new.replace(file)


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
    usage, _ = used(record)
    if usage is not None:
        tally.add("tokens_total", (model, provider, "input"), usage.input_tokens)
        tally.add("tokens_total", (model, provider, "output"), usage.output_tokens)
    cost = dollars(cost_of(record))
    if usage is not None or cost is not None:
        tally.add("cost_usd_total", (model, provider), cost or 0.0)


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


def _alive(path: Path) -> bool:
    """Whether the process whose id the file's name begins with still lives."""
    try:
        os.kill(int(path.stem.partition("-")[0]), 0)
    except (OSError, ValueError):
        return False
    return True
