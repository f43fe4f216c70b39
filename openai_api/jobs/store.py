"""Who keeps jobs and their events, and what can be asked of it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from openai_api.jobs.job import Again, Ending, Events, Job, Outcome, State, Write, nothing

Cancelled = Callable[[Job, Events], Ending]
Lost = Callable[[Job, Events], Outcome]
"""What becomes of a job that has told these events. Both are pure and quick: they are called within a transaction."""


class JobStore(Protocol):
    """The jobs of all workers, asked by one of them. Each method is one transaction, does not hold up the event loop, and may
    raise `StoreUnavailable`. What has ended, or is another worker's by now, is never overwritten."""

    async def queue(self, job: Job, *, taken: bool, write: Write = nothing) -> None:
        """A new job: `taken` by this worker at once, or left to whichever worker has a place."""
        ...

    async def take(self, places: int, lost: Mapping[str, Lost]) -> list[Job]:
        """Takes queued jobs of the kinds that are the keys of `lost`. Jobs of lost workers get their outcome first."""
        ...

    async def beat(self, job_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Says that the worker still runs the job, and keeps events, the first of which has that number. False if the job is not
        this worker's any more."""
        ...

    async def finish(self, job_id: str, first: int, ending: Ending) -> bool:
        """Ends the job; its last frames have numbers from `first`. False if it was not this worker's."""
        ...

    async def release(self, job_id: str, number: int, failed: Again | None = None) -> bool:
        """Queues the job again. Its events are deleted; those of the next try have numbers from `number`, so that none is used
        twice. False if it was not this worker's."""
        ...

    async def cancel(self, job_id: str, owner: str, cancelled: Mapping[str, Cancelled]) -> State | None:
        """Ends the job, whichever worker runs it, unless it has ended; its state then. None if the owner has no such job."""
        ...

    async def events(self, job_id: str, after: int) -> Events:
        """The events with numbers above `after`."""
        ...
