"""Where do records of requests go? Into a bounded queue, and from there, in batches and off the path, to the sinks."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from openai_api.context import Record

log = logging.getLogger("gateway.recording")
FLUSH_S = 0.2


class Sink(Protocol):
    """Takes records in batches, in a worker thread. It may block, and may raise."""

    def write(self, records: Sequence[Record]) -> None: ...


class BatchRecorder:
    """Keeps at most `capacity` records between two flushes and counts in `dropped` what it could not keep."""

    def __init__(self, sinks: Sequence[Sink], capacity: int = 10_000) -> None:
        self.dropped = 0
        self._sinks = sinks
        self._capacity = capacity
        self._queue: deque[Record] = deque()
        self._task: asyncio.Task[None] | None = None

    def record(self, record: Record) -> None:
        if len(self._queue) >= self._capacity:
            self.dropped += 1
        else:
            self._queue.append(record)

    def start(self) -> None:
        """Begins to flush, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends, after all that was recorded has been written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        if not self._queue:
            return
        batch, self._queue = self._queue, deque()
        for sink in self._sinks:
            try:
                await asyncio.to_thread(sink.write, batch)
            except Exception:
                log.exception("could not write records", extra={"records": len(batch)})
