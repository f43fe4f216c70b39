"""How does a sink get its records? From a queue, in a thread of its own, so that none of them holds up another."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple, Protocol

import msgspec

from openai_api.recording.batches import Batch
from openai_api.recording.events import Record

log = logging.getLogger("gateway.recording")
IDLE_S = 1.0
WRITE = 500
"""Records in one call of a sink, or a batch more."""
CAPACITY = 20_000
CROWDED = CAPACITY // 2
PATIENCE_S = 1.0
"""A write that takes longer is taken for stuck: it and what comes after it is spilled, or waits until the queue is full."""


class Sink(Protocol):
    """Takes batches of records, in a thread of its own.

    `write` may block and may raise; without batches it is called every `IDLE_S`, to do what is due. `spill` puts batches where
    they outlive the process, called from any thread, also with those of a write that is stuck, and says whether it could.
    `close` ends the thread's work. `held` are the records that were taken and would be lost with the process; `lost` those
    that could not be kept. `takes` says which records are wanted; None for all.
    """

    lost: int

    @property
    def held(self) -> int: ...

    @property
    def takes(self) -> Callable[[Record], bool] | None: ...

    def write(self, batches: Sequence[Batch]) -> None: ...

    def spill(self, batches: Sequence[Batch]) -> bool: ...

    def close(self) -> None: ...


class Parcel(NamedTuple):
    """A batch, and what is to be called once it is safe."""

    batch: Batch
    done: Callable[[], None] | None = None


class Lane:
    """The way to one sink: a queue and a thread that empties it. One that is `bounded` drops what finds `CAPACITY` records in
    the queue; with another, who puts looks at `waiting` first."""

    def __init__(self, sink: Sink, *, bounded: bool = False) -> None:
        self._sink = sink
        self._bounded = bounded
        self._dropped = 0
        self._lock = threading.Lock()
        self._queue: deque[Parcel] = deque()
        self._waiting = 0
        self._held: list[Parcel] = []
        self._safe: list[Parcel] = []
        self._writing: Sequence[Parcel] = ()
        self._spilled: Sequence[Parcel] = ()
        self._since: float | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    @property
    def dropped(self) -> int:
        """Records that found the queue full, or that the sink could not keep."""
        return self._dropped + self._sink.lost

    @property
    def waiting(self) -> int:
        """Records that are neither written nor spilled."""
        return self._waiting + self._sink.held

    def put(self, parcel: Parcel) -> None:
        """Adds to the queue, which is looked at when `wake` is called."""
        wanted = self._wanted(parcel)
        count = len(wanted.batch.records)
        if self._bounded and self._waiting >= CAPACITY:
            self._dropped += count
        elif count:
            with self._lock:
                self._queue.append(wanted)
                self._waiting += count

    def wake(self, *, due: bool = False) -> None:
        """Lets the thread write what waits, or do what is `due`."""
        if self._queue or due:
            self._wake.set()

    def safe(self) -> list[Parcel]:
        """The parcels with a call to be made that were written, spilled or given up since this was last asked for."""
        with self._lock:
            safe, self._safe = self._safe, []
        return safe

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Tells the thread to write what waits and to end."""
        self._stopping = True
        self._wake.set()

    def join(self, deadline: float) -> None:
        """Returns when everything is written, or has been spilled because that takes too long. Blocks."""
        if self._thread.is_alive():
            self._thread.join(max(deadline - monotonic(), 0.0))
        if self._thread.is_alive():
            self.abandon()

    @property
    def stuck(self) -> bool:
        since = self._since
        return since is not None and monotonic() - since > PATIENCE_S

    def relieve(self) -> None:
        """Spills what waits for a sink that is stuck or too slow. Blocks."""
        if self.stuck:
            self.abandon()
        elif self._waiting > CROWDED:
            self._spill_queue()

    def abandon(self) -> None:
        """Spills what waits, and what is being written: it may be written too, but the process may also end first."""
        writing = self._writing
        if writing is not self._spilled and self._spill(writing):
            self._spilled = writing
        self._spill_queue()

    def _wanted(self, parcel: Parcel) -> Parcel:
        takes, batch = self._sink.takes, parcel.batch
        if takes is None or all(map(takes, batch.records)):
            return parcel
        return Parcel(msgspec.structs.replace(batch, records=list(filter(takes, batch.records))), parcel.done)

    def _spill_queue(self) -> None:
        while taken := self._taken():
            if not self._spill(taken):
                with self._lock:
                    self._queue.extendleft(reversed(taken))
                    self._waiting += _records(taken)
                return

    def _spill(self, parcels: Sequence[Parcel]) -> bool:
        if spilled := self._sink.spill([parcel.batch for parcel in parcels]):
            self._settle(parcels)
        return spilled

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(IDLE_S)
            self._wake.clear()
            self._write_all()
        self._write_all()
        self._sink.close()
        self._settle(())

    def _write_all(self) -> None:
        self._write(self._taken())
        while taken := self._taken():
            self._write(taken)

    def _write(self, parcels: Sequence[Parcel]) -> None:
        self._writing, self._since = parcels, monotonic()
        try:
            self._sink.write([parcel.batch for parcel in parcels])
        except Exception:
            self._dropped += _records(parcels)
            log.exception("records could not be written")
        finally:
            self._since, self._writing = None, ()
        self._settle(parcels)

    def _settle(self, parcels: Sequence[Parcel]) -> None:
        """They are through, unless the sink holds what it was given."""
        with self._lock:
            self._held += [parcel for parcel in parcels if parcel.done is not None]
            if not self._sink.held:
                self._safe += self._held
                self._held = []

    def _taken(self) -> list[Parcel]:
        """Some of those that wait; other threads may take at the same time."""
        taken: list[Parcel] = []
        count = 0
        with self._lock:
            while self._queue and count < WRITE:
                taken.append(self._queue.popleft())
                count += len(taken[-1].batch.records)
            self._waiting -= count
        return taken


def _records(parcels: Sequence[Parcel]) -> int:
    return sum(len(parcel.batch.records) for parcel in parcels)
