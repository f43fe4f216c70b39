"""What does a worker know of a job while it runs it? The events: some are only added, some heard, some written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from openai_api.jobs.job import Events, Job, Why
from providers.bytes.sse import Frames


class Run:
    """One try at a job. `bound` says that no other worker can run it; `why` is set before the run is interrupted."""

    def __init__(self, job: Job, *, bound: bool = False) -> None:
        self.job = job
        self.bound = bound
        self.why: Why | None = None
        self._frames: Frames = []
        self._heard = 0
        self._written = 0
        self._over = False
        self._ended = False
        self._changed = asyncio.Event()

    @property
    def number(self) -> int:
        """The number of the next event."""
        return self.job.number + len(self._frames)

    @property
    def frames(self) -> Sequence[bytes]:
        """All events of this try, also those that are not published yet."""
        return self._frames

    def add(self, frame: bytes) -> None:
        """Adds an event, which is published and written with the next `publish`."""
        self._frames.append(frame)

    def publish(self) -> None:
        """Publishes the added events to their followers."""
        self._heard = len(self._frames)
        self._wake()

    def forget_unheard(self) -> None:
        """Drops what has been added since the last `publish`."""
        del self._frames[self._heard :]

    def has_from(self, number: int) -> bool:
        """Whether the events from that number on are in memory; those of an earlier try are not."""
        return number >= self.job.number

    async def events(self, after: int) -> Events:
        """The events above that number; waits until there is one, or there will be no more from here."""
        while True:
            last = self.job.number + self._heard - 1
            if last > after or self._over:
                start = max(0, after + 1 - self.job.number)
                return Events(self._frames[start : self._heard], max(last, after), self._ended)
            await self._changed.wait()

    def heard(self) -> tuple[int, Sequence[bytes]]:
        """What has been heard and is not written: the first number and the frames."""
        return self.job.number + self._written, self._frames[self._written : self._heard]

    def unwritten(self) -> tuple[int, Sequence[bytes]]:
        """All that is not written: the first number and the frames."""
        return self.job.number + self._written, self._frames[self._written :]

    def wrote(self, count: int) -> None:
        """The next `count` events have been written."""
        self._written += count

    def close(self, *, ended: bool) -> None:
        """Nothing more comes from here. Unless the job has `ended`, those who listen go on with what the store has."""
        self._over, self._ended = True, ended
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
