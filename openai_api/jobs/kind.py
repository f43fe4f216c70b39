"""What must be said of a kind of jobs? How one is run, and how one ends that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from openai_api.jobs.job import Ending, Events, Job, Outcome, Why
from openai_api.jobs.run import Run

Work = Callable[[Run], Coroutine[Any, Any, Outcome]]
"""Runs a job: adds events, publishes them, returns how it went. Cancelled when the job is not this worker's any more; `run.why`
then has the reason."""


class Kind(Protocol):
    """`name` stands in the row of each job. A job is begun anew until `tries` of its tries have failed or lost their worker; a
    hand-over at a shutdown is no failure."""

    @property
    def name(self) -> str: ...

    @property
    def tries(self) -> int: ...

    async def run(self, run: Run) -> Outcome:
        """The `Work` for a job that any worker may have queued."""
        ...

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        """How a job ends that has told these events. Pure. The numbers of its frames begin with `events.last + 1`."""
        ...
