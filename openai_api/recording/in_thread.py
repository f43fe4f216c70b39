"""How does a worker record by itself? A thread of it gives what has happened to a recorder in the same process."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from openai_api.recording.batches import BATCH, Batch, worker_name
from openai_api.recording.events import Record
from openai_api.recording.lanes import CAPACITY, PATIENCE_S
from openai_api.recording.recorder import TURN_S, Recorder
from openai_api.recording.status import RecorderStatus

NICE = 4
"""How far the threads stand back behind the event loop."""


class ThreadRecorder:
    """Takes records in the event loop; `dropped` counts those that found no room."""

    def __init__(self, run: str, recorder: Recorder) -> None:
        self.dropped = self.untold = 0
        self._run = run
        self._recorder = recorder
        self._worker = worker_name()
        self._number = 0
        self._fresh: deque[Record] = deque()
        self._handing = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def record(self, record: Record) -> None:
        if len(self._fresh) >= CAPACITY:
            self.dropped += 1
        else:
            self._fresh.append(record)

    def tell(self, transcript: Any) -> None:
        """Hands on what happened in an exchange, for observers."""
        self._recorder.onlookers.put(transcript)

    def status(self) -> RecorderStatus:
        waiting = len(self._fresh) + self._recorder.waiting
        return RecorderStatus("thread", "stuck" if self._recorder.stuck else "ok", waiting, self.dropped)

    def start(self) -> None:
        """Begins to record."""
        self._thread.start()

    async def stop(self) -> None:
        """Ends, after all that was recorded has been written or spilled."""
        self._ending.set()
        await asyncio.to_thread(self._end)

    def abandon(self) -> None:
        """Spills all that is not written, for a process that cannot end properly. Blocks; may be called by any thread."""
        self._hand_on()
        self._recorder.abandon()

    def _work(self) -> None:
        step_back()
        self._recorder.start()  # its threads are as nice as the one that starts them
        while not self._ending.wait(TURN_S):
            if not self._recorder.crowded:
                self._hand_on()
            self._recorder.turn()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S)
        self._hand_on()
        self._recorder.stop()

    def _hand_on(self) -> None:
        with self._handing:
            while self._fresh:
                records = [self._fresh.popleft() for _ in range(min(len(self._fresh), BATCH))]
                self._recorder.take(Batch(self._run, self._worker, os.getpid(), self._number, records))
                self._number += 1


def step_back() -> None:
    """Lets the event loop go first where both want the processor: by the scheduler's measure this thread is in no hurry."""
    with suppress(OSError, AttributeError):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICE)
