"""Where do records of requests go? To every sink, in batches, by a thread for each, so that no sink holds up a request."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Protocol

from openai_api.recording.events import Record

log = logging.getLogger("gateway.recording")
FLUSH_S = 0.25
IDLE_S = 1.0
BATCH = 500
CAPACITY = 20_000
CROWDED = CAPACITY // 2
NICE = 4
"""How far the threads stand back behind the event loop."""
PATIENCE_S = 1.0
"""A write that takes longer is taken for stuck: it and what comes after it is put aside, or waits until the queue is full."""


Takes = Callable[[Record], bool]


class Sink(Protocol):
    """Takes records in batches, in a thread of its own.

    `write` may block and may raise; without records it is called every `IDLE_S`, to do what is due. `spill` puts records
    aside, called from any thread, also with those of a write that is stuck, and says whether it could. `close` ends the
    thread's work. `lost` counts records that were taken and could not be kept. `takes` says in the event loop which records
    are wanted; None for all.
    """

    lost: int

    @property
    def takes(self) -> Takes | None: ...

    def write(self, records: Sequence[Record]) -> None: ...

    def spill(self, records: Sequence[Record]) -> bool: ...

    def close(self) -> None: ...


class Lane:
    """The way to one sink: a queue of at most `CAPACITY` records and a thread that empties it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._takes = sink.takes
        self._dropped = 0
        self._queue: deque[Record] = deque()
        self._writing: Sequence[Record] = ()
        self._aside: Sequence[Record] = ()
        self._since: float | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    @property
    def dropped(self) -> int:
        """Records that found the queue full, or that the sink could not keep."""
        return self._dropped + self._sink.lost

    def put(self, record: Record) -> None:
        if self._takes is not None and not self._takes(record):
            return
        if len(self._queue) >= CAPACITY:
            self._dropped += 1
        else:
            self._queue.append(record)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when everything is written, or has been put aside because that takes too long. Blocks."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            self.abandon()

    def in_need(self) -> bool:
        """Whether the sink is stuck or too slow."""
        return self._stuck() or len(self._queue) > CROWDED

    def relieve(self) -> None:
        """Puts aside what waits for a sink that is stuck or too slow. Blocks."""
        if self._stuck():
            self.abandon()
        else:
            self._put_queue_aside()

    def _stuck(self) -> bool:
        since = self._since
        return since is not None and monotonic() - since > PATIENCE_S

    def abandon(self) -> None:
        """Puts aside what waits, and what is being written: it may be written too, but the process may also end first."""
        writing = self._writing
        if writing is not self._aside and self._sink.spill(writing):
            self._aside = writing
        self._put_queue_aside()

    def _put_queue_aside(self) -> None:
        while taken := self._taken():
            if not self._sink.spill(taken):
                self._queue.extendleft(reversed(taken))
                return

    def _run(self) -> None:
        _step_back()
        wrote = monotonic()
        while not self._stopping:
            self._wake.wait(FLUSH_S)
            if self._queue or monotonic() - wrote >= IDLE_S:
                self._write_all()
                wrote = monotonic()
        self._write_all()
        self._sink.close()

    def _write_all(self) -> None:
        self._write(self._taken())
        while taken := self._taken():
            self._write(taken)

    def _write(self, batch: Sequence[Record]) -> None:
        self._writing, self._since = batch, monotonic()
        try:
            self._sink.write(batch)
        except Exception:
            self._dropped += len(batch)
            log.exception("records could not be written")
        finally:
            self._since, self._writing = None, ()

    def _taken(self) -> list[Record]:
        """A batch; other threads may take at the same time."""
        taken: list[Record] = []
        with suppress(IndexError):
            while len(taken) < BATCH:
                taken.append(self._queue.popleft())
        return taken


def _step_back() -> None:
    """Lets the event loop go first where both want the processor: by the scheduler's measure this thread is in no hurry."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class BatchRecorder:
    """The recorder of a process. `dropped` counts what no sink could take, a record once for each sink."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._lanes = [Lane(sink) for sink in sinks]
        self._task: asyncio.Task[None] | None = None

    @property
    def dropped(self) -> int:
        return sum(lane.dropped for lane in self._lanes)

    def record(self, record: Record) -> None:
        for lane in self._lanes:
            lane.put(record)

    def start(self) -> None:
        """Begins to write, and to watch for sinks that are stuck; needs a running event loop."""
        for lane in self._lanes:
            lane.start()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Ends, after all that was recorded has been written or put aside."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await asyncio.gather(*(asyncio.to_thread(lane.stop) for lane in self._lanes))

    def abandon(self) -> None:
        """Puts aside all that is not written, for a process that cannot end properly. Blocks; may be called by any thread."""
        for lane in self._lanes:
            lane.abandon()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PATIENCE_S / 2)
            for lane in self._lanes:
                if lane.in_need():
                    await asyncio.to_thread(lane.relieve)
