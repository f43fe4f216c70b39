"""What do tests of the recorder share? A sink that they can block, and a recorder of such sinks in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from openai_api.recording.batches import Batch
from openai_api.recording.events import Record
from openai_api.recording.in_thread import ThreadRecorder
from openai_api.recording.metrics import Counts, Tally
from openai_api.recording.recorder import Recorder
from openai_api.recording.spool import FRAMES, Spool

RUN = "run"


class Shelf:
    """A sink that can be blocked, and remembers what it got."""

    def __init__(self, *, spills: bool = True, pause_s: float = 0.0) -> None:
        self.lost = self.held = 0
        self.takes: Callable[[Record], bool] | None = None
        self.written: list[str] = []
        self.spilled: list[str] = []
        self.idle = 0
        self.closed = False
        self.blocked = threading.Event()
        self.spills = spills
        self._pause_s = pause_s
        self._open = threading.Event()
        self._open.set()

    @contextmanager
    def stuck(self) -> Iterator[None]:
        self._open.clear()
        yield
        self._open.set()

    def write(self, batches: Sequence[Batch]) -> None:
        self.idle += not batches
        if batches:
            time.sleep(self._pause_s)
        if not self._open.is_set():
            self.blocked.set()
        self._open.wait()
        self.written += names_in(batches)

    def spill(self, batches: Sequence[Batch]) -> bool:
        if self.spills:
            self.spilled += names_in(batches)
        return self.spills

    def close(self) -> None:
        self.closed = True


def names_in(batches: Sequence[Batch]) -> list[str]:
    return [record.request_id for batch in batches for record in batch.records]


class Kept:
    """A recorder of `rows` and `others` in a thread; `counts` are its sums, `backlog` what waits for it on disk."""

    def __init__(self, folder: Path, rows: Shelf, *others: Shelf) -> None:
        self.counts = Counts()
        self.backlog = Spool(folder, FRAMES)
        self.recorder = Recorder(RUN, self.counts, rows, others, Spool(folder, FRAMES))
        self.thread = ThreadRecorder(RUN, self.recorder)

    def record_all(self, count: int, start: int = 0) -> list[str]:
        names = [f"r{number}" for number in range(start, start + count)]
        for name in names:
            self.thread.record(Record(name, "POST", "/"))
        return names

    def counted(self, name: str) -> float:
        total = Tally()
        self.counts.add_to(total)
        return sum(amount for (known, _), amount in total.counters.items() if known == name)

    def dropped(self) -> float:
        return self.thread.dropped + self.counted("records_dropped_total")
