"""Who runs jobs? One runner in each worker: it takes jobs, beats for them, and ends them or gives them back.

Whoever follows a job hears its events from memory if this worker runs it, else from the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from time import perf_counter

from openai_api.errors import StoreUnavailable
from openai_api.jobs.job import Again, Ending, Events, Job, Outcome, State, Why, Write, nothing
from openai_api.jobs.kind import Kind, Work
from openai_api.jobs.run import Run
from openai_api.jobs.store import JobStore, Lost
from providers.offload import offload

SWEEP_S = 2.0
"""How often a worker looks for queued jobs."""
POLL_S = 0.25
"""How often events of another worker's job are looked for."""
FLUSH_S = 0.25
"""How often new events are written."""
BEAT_S = 2.0
"""How often a worker says that it still runs a job."""
MAX_RUNS = 256
"""Jobs that a worker runs at once; further ones stay queued."""
LAST_TRIES = 20
"""How often the end of a job is written while the database is away, once a second."""
log = logging.getLogger("gateway.jobs")


class JobRunner:
    """The jobs that this worker runs."""

    def __init__(self, store: JobStore, *, places: int = MAX_RUNS) -> None:
        self._store = store
        self._places = places
        self._kinds: dict[str, Kind] = {}
        self._lost: dict[str, Lost] = {}
        self._runs: dict[str, Run] = {}
        self._works: dict[str, asyncio.Task[Outcome]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._handing_over = False

    def register(self, kind: Kind) -> None:
        """Takes jobs of that kind, too. Raises `ValueError` for a name that is taken."""
        if kind.name in self._kinds:
            raise ValueError(f"There are two kinds of jobs named {kind.name!r}.")
        self._kinds[kind.name] = kind
        self._lost[kind.name] = partial(_lost, kind)

    def start(self, ready: Callable[[], bool]) -> None:
        """Takes queued jobs from now on, whenever the worker is `ready` for them."""
        self._sweeping = asyncio.create_task(self._sweep(ready), name="jobs-sweep")

    async def stop(self) -> None:
        """Takes no further jobs, and waits until all runs have ended or have been handed over."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hand_over(self) -> None:
        """Gives all jobs back, for other workers to begin them anew."""
        self._handing_over = True
        for job_id in self._runs:
            self._interrupt(job_id, Why.HANDED_OVER)

    async def begin(self, job: Job, work: Work | None = None, *, bound: bool = False, write: Write = nothing) -> None:
        """Queues a job and, if there is a place, runs it at once, with `work` in place of what its kind does: for a first try
        that knows more than the payload says. Raises `StoreUnavailable`."""
        place = len(self._runs) < self._places and not self._handing_over
        await self._store.queue(job, taken=place, write=write)
        if place:
            self._begin(Run(job, bound=bound), work or self._kinds[job.kind].run)

    def count(self, kind: str) -> int:
        """How many jobs of that kind this worker runs now."""
        return sum(run.job.kind == kind for run in self._runs.values())

    async def cancel(self, job_id: str, owner: str) -> State | None:
        """Ends the job, whichever worker runs it; its state then. None if there is none. Raises `StoreUnavailable`."""
        ends = {name: partial(kind.interrupted, why=Why.CANCELLED) for name, kind in self._kinds.items()}
        state = await self._store.cancel(job_id, owner, ends)
        if state is State.CANCELLED:  # else its end was written first
            self._interrupt(job_id, Why.CANCELLED)
        return state

    async def follow(self, job_id: str, after: int) -> AsyncIterator[Events]:
        """The events with numbers above `after`, as they come, until the job has ended. Raises `StoreUnavailable`."""
        ended = False
        while not ended:
            run = self._runs.get(job_id)
            here = run is not None and run.has_from(after + 1)
            events = await run.events(after) if run is not None and here else await self._store.events(job_id, after)
            after, ended = events.last, events.ended
            if events.frames:
                yield events
            elif not ended:
                await asyncio.sleep(POLL_S)

    async def _sweep(self, ready: Callable[[], bool]) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            if self._handing_over or not ready():
                continue
            try:
                for job in await self._store.take(self._places - len(self._runs), self._lost):
                    self._begin(Run(job), self._kinds[job.kind].run)
            except StoreUnavailable:
                continue  # said by the store
            except Exception:
                log.exception("jobs could not be claimed")

    def _begin(self, run: Run, work: Work) -> None:
        job_id = run.job.id
        self._runs[job_id] = run
        self._works[job_id] = asyncio.create_task(work(run), name="job-work")
        task = asyncio.create_task(self._run(run, self._works[job_id]), name="job")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._handing_over:  # which began while the job was queued
            self._interrupt(job_id, Why.HANDED_OVER)

    def _interrupt(self, job_id: str, why: Why) -> None:
        """Cancels the work, never the task around it: that one says how the job ends."""
        if job_id in self._runs:
            self._runs[job_id].why = why
            self._works[job_id].cancel()

    async def _run(self, run: Run, work: asyncio.Task[Outcome]) -> None:
        beats = asyncio.create_task(self._beat(run), name="job-beat")
        ended = False
        try:
            outcome = await self._outcome(run, work)
            beats.cancel()
            ended = await self._settled(run, outcome)
        except StoreUnavailable:
            log.error("the end of a job could not be written", extra=_named(run))
        except Exception as error:
            log.error("a job could not be ended", exc_info=error, extra=_named(run))
        finally:
            beats.cancel()
            del self._runs[run.job.id], self._works[run.job.id]
            run.close(ended=ended)

    async def _outcome(self, run: Run, work: asyncio.Task[Outcome]) -> Outcome | None:
        """The outcome of the work; None if it was interrupted."""
        try:
            return await work
        except asyncio.CancelledError:
            return None
        except Exception as error:
            log.error("a job failed", exc_info=error, extra=_named(run))
            return await self._interrupted(run, Why.BROKEN)

    async def _settled(self, run: Run, outcome: Outcome | None) -> bool:
        """Writes the outcome of the try. True if that is the end of the job, and followers here have heard it."""
        job, kind = run.job, self._kinds[run.job.kind]
        if isinstance(outcome, Ending):
            return await self._finished(run, outcome)
        if isinstance(outcome, Again):
            if job.failures + 1 >= kind.tries:
                return await self._finished(run, await self._interrupted(run, Why.BROKEN))
            await self._store.release(job.id, run.number, outcome)
            return False
        if run.why is not Why.HANDED_OVER:  # ended by whoever interrupted it, or another worker's
            run.forget_unheard()
            self._say(run, await self._interrupted(run, Why.CANCELLED))
            run.publish()
            return True
        if run.bound:
            return await self._finished(run, await self._interrupted(run, Why.HANDED_OVER))
        await self._store.release(job.id, run.number)  # if that fails, the worker counts as lost
        return False

    async def _interrupted(self, run: Run, why: Why) -> Ending:
        kind, events = self._kinds[run.job.kind], Events(list(run.frames), run.number - 1, ended=False)
        return await offload(sum(map(len, events.frames)), kind.interrupted, run.job, events, why)

    async def _finished(self, run: Run, ending: Ending) -> bool:
        """Writes the end, then publishes it. A database that is away is asked again for a while."""
        self._say(run, ending)
        for tries_left in reversed(range(LAST_TRIES)):
            first, frames = run.unwritten()
            try:
                if not await self._store.finish(run.job.id, first, ending._replace(frames=frames)):
                    run.forget_unheard()  # another end was written first, or this one by a try that seemed to fail
                    return False
                run.publish()
                return True
            except StoreUnavailable:
                if not tries_left or run.why is Why.HANDED_OVER:
                    raise
                await asyncio.sleep(1)
        raise AssertionError("the last try returns or raises")

    def _say(self, run: Run, ending: Ending) -> None:
        for frame in ending.frames:
            run.add(frame)

    async def _beat(self, run: Run) -> None:
        """Writes what is new, and says that the worker runs the job, until it is cancelled or the job is another's."""
        beaten = 0.0
        while True:
            first, frames = run.heard()
            if frames or perf_counter() - beaten >= BEAT_S:
                try:
                    if not await self._store.beat(run.job.id, first, frames):
                        self._interrupt(run.job.id, Why.LOST)
                        return
                    run.wrote(len(frames))
                    beaten = perf_counter()
                except StoreUnavailable:
                    pass  # said by the store; events wait in memory
            await asyncio.sleep(FLUSH_S)


def _lost(kind: Kind, job: Job, events: Events) -> Outcome:
    """What becomes of a job whose worker is lost."""
    return Again() if job.failures + 1 < kind.tries else kind.interrupted(job, events, Why.LOST)


def _named(run: Run) -> dict[str, str]:
    return {"request_id": run.job.id}
