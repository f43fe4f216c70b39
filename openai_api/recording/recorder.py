"""Where do records of requests go? To every sink, in batches, by a thread for each, so that no sink holds up a request."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from openai_api.recording.events import Record

log = logging.getLogger("gateway.recording")
FLUSH_S = 0.25
BATCH = 500
CAPACITY = 20_000
PATIENCE_S = 1.0
"""A write that takes longer is taken for stuck: what comes after it is spilled, or dropped when the queue is full."""


class Sink(Protocol):
    """Takes records in batches, in a thread of its own. `write` may block and may raise; `spill` puts records aside,
    also those of a write that is stuck, and says whether it could; `close` ends the thread's work."""

    def write(self, records: Sequence[Record]) -> None: ...

    def spill(self, records: Sequence[Record]) -> bool: ...

    def close(self) -> None: ...


class Lane:
    """The way to one sink: a queue of at most `CAPACITY` records and a thread that empties it."""

    def __init__(self, sink: Sink) -> None:
        self.dropped = 0
        self._sink = sink
        self._queue: deque[Record] = deque()
        self._writing: Sequence[Record] = ()
        self._since = 0.0
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def put(self, record: Record) -> None:
        if len(self._queue) >= CAPACITY:
            self.dropped += 1
        else:
            self._queue.append(record)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when everything is written, or has been put aside because the sink is stuck. Blocks."""
        self._stopping = True
        self._wake.set()
        self._thread.join(PATIENCE_S)
        while self._thread.is_alive() and monotonic() - self._since < PATIENCE_S:
            self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            self._put_aside([*self._writing, *self._taken(CAPACITY)])

    def relieve(self) -> None:
        """Puts the queue aside while a write is stuck. Blocks."""
        if self._writing and self._queue and monotonic() - self._since > PATIENCE_S:
            self._put_aside(self._taken(CAPACITY))

    def _put_aside(self, records: Sequence[Record]) -> None:
        if not self._sink.spill(records):
            self.dropped += len(records)

    def _run(self) -> None:
        while not self._stopping or self._queue:
            if not self._stopping:
                self._wake.wait(FLUSH_S)
            if self._queue:
                self._write(self._taken(BATCH))
        self._sink.close()

    def _write(self, batch: Sequence[Record]) -> None:
        self._since, self._writing = monotonic(), batch
        try:
            self._sink.write(batch)
        except Exception:
            self.dropped += len(batch)
            log.exception("records could not be written")
        finally:
            self._writing = ()

    def _taken(self, most: int) -> list[Record]:
        queue, taken = self._queue, list[Record]()
        while queue and len(taken) < most:
            taken.append(queue.popleft())
        return taken


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
        for lane in self._lanes:
            await asyncio.to_thread(lane.stop)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PATIENCE_S / 2)
            for lane in self._lanes:
                await asyncio.to_thread(lane.relieve)
