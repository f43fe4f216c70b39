"""What do runners make of a kind that has nothing to do with responses? Stories of one database, each in a process of its own.

`python -m tests.services.running_jobs NAME` tells one story and writes what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from openai_api.jobs.job import Again, Ending, Events, Job, Outcome, State, Why
from openai_api.jobs.run import Run
from openai_api.jobs.runner import JobRunner
from openai_api.jobs.store import JobStore

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 10.0
Act = Callable[[Run], Coroutine[Any, Any, Outcome]]


def told(env: Mapping[str, str], story: str) -> Any:
    """What came of a story."""
    command = [sys.executable, "-m", __name__, story]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


class Acts:
    """A kind whose jobs do what a story says. Every event is its number, then a word."""

    def __init__(self, act: Act, *, tries: int = 1, name: str = "acts") -> None:
        self.name = name
        self.tries = tries
        self.begun: list[float] = []
        self._act = act

    async def run(self, run: Run) -> Outcome:
        self.begun.append(time.monotonic())
        say(run, f"begun by {run.job.payload.decode()}")
        return await self._act(run)

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        state = State.CANCELLED if why is Why.CANCELLED else State.FAILED
        return Ending(state, [b"%d %b\n\n" % (events.last + 1, why.encode())] if job.streamed else ())


def say(run: Run, word: str) -> None:
    run.add(b"%d %b\n\n" % (run.number, word.encode()))
    run.publish()


async def forever(run: Run) -> Outcome:
    await asyncio.sleep(60)
    raise AssertionError("not interrupted")


async def at_once(run: Run) -> Outcome:
    return Ending(State.DONE, [b"%d done\n\n" % run.number])


class Worker:
    """A runner with its store."""

    def __init__(self, name: str, *kinds: Acts, places: int = 256, started: bool = True) -> None:
        from openai_api.database.stored_jobs import DatabaseJobs
        from openai_api.database.threads import DatabaseThreads

        self.store: JobStore = DatabaseJobs(DatabaseThreads(), 1, name)
        self.runner = JobRunner(self.store, places=places)
        for kind in kinds:
            self.runner.register(kind)
        if started:
            self.runner.start(lambda: True)


class Logged(logging.Handler):
    """What the runners have logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        logging.getLogger("gateway.jobs").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def job(name: str, *, kind: str = "acts") -> Job:
    return Job(name, kind, "o", b"its payload", time.time(), streamed=True)


async def rows(**values: Any) -> list[Any]:
    """Jobs as the database has them: id, state, failures, worker, whether there is a payload, and the events."""
    from openai_api.models import JobRow

    def read() -> list[Any]:
        found = JobRow.objects.filter(**values).order_by("pk")
        return [[row.pk, row.state, row.failures, row.worker, row.payload is not None] for row in found]

    return await asyncio.to_thread(read)


async def events(worker: Worker, job_id: str) -> list[str]:
    return [frame.decode().strip() for frame in (await worker.store.events(job_id, -1)).frames]


async def until(holds: Callable[[], Awaitable[bool]], within: float = WITHIN_S) -> None:
    end = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.05)


async def ended(job_id: str, within: float = WITHIN_S) -> list[Any]:
    """The row of a job once it has ended."""

    async def is_so() -> bool:
        return (await rows(pk=job_id))[0][1] not in ("queued", "running")

    await until(is_so, within)
    (row,) = await rows(pk=job_id)
    return list(row)


# The stories


async def retried() -> Any:
    """A job fails twice and is tried again, the second time not at once; whoever follows it hears all tries."""

    async def act(run: Run) -> Outcome:
        if run.job.failures < 2:
            await asyncio.sleep(0.4)  # so that its events are written
            return Again(3.0 if run.job.failures else 0.0)
        return await at_once(run)

    kind = Acts(act, tries=3)
    worker = Worker("a", kind)
    await worker.runner.begin(job("j"))
    heard = [frame.decode().strip() async for part in worker.runner.follow("j", -1) for frame in part.frames]
    first, second, third = kind.begun
    return {
        "row": await ended("j"),
        "waited": [second - first > 3.0, third - second > 3.0],
        "heard": heard,
        "kept": await events(worker, "j"),
    }


async def spent() -> Any:
    """Jobs that fail at each of their two tries, that raise an exception, and that cannot be written beside."""

    async def again(run: Run) -> Outcome:
        return Again()

    async def broken(run: Run) -> Outcome:
        raise ValueError("odd")

    logged = Logged()
    failing, raising = Acts(again, tries=2), Acts(broken, tries=2, name="raises")
    worker = Worker("a", failing, raising)
    await worker.runner.begin(job("again"))
    await worker.runner.begin(job("raises", kind="raises"))
    found = {name: [await ended(name), await events(worker, name)] for name in ("again", "raises")}
    return {**found, "begun": [len(failing.begun), len(raising.begun)], "logged": logged.messages}


async def lost() -> Any:
    """Two workers vanish with a job each: one may be tried again, the other not. A third has jobs of a kind it does not know."""
    logged, gone = Logged(), Worker("gone", started=False)
    for name, kind in (("again", "acts"), ("once", "once"), ("unknown", "unknown")):
        await gone.store.queue(job(name, kind=kind), taken=True)
        await gone.store.beat(name, 0, [b"0 by gone\n\n", b"1 by gone\n\n"])
    await gone.store.queue(job("waits", kind="unknown"), taken=False)
    late = []

    async def act(run: Run) -> Outcome:
        late.append(await gone.store.beat("again", 9, [b"9 late\n\n"]))
        return await at_once(run)

    worker = Worker("a", Acts(act, tries=2), Acts(at_once, name="once"))
    found = {name: [await ended(name, 30), await events(worker, name)] for name in ("again", "once")}
    late.append(await gone.store.beat("once", 9, [b"9 late\n\n"]))
    return {**found, "late": late, "others": await rows(kind="unknown"), "logged": logged.messages}


async def cancelled() -> Any:
    """One worker runs a job that is cancelled by another; then its owner, somebody else and the owner once more cancel."""
    runs, other = Worker("a", Acts(forever)), Worker("b", Acts(forever))
    await runs.runner.begin(job("j"))
    asked = [await other.runner.cancel("j", owner) for owner in ("x", "o", "o")]

    async def stopped() -> bool:
        return runs.runner.count("acts") == 0

    await until(stopped)
    return {
        "asked": asked,
        "row": await ended("j"),
        "kept": await events(other, "j"),
        "none": await other.runner.cancel("k", "o"),
    }


async def handed_over() -> Any:
    """A worker hands over a job, one that no other can run, and one that it was just about to queue."""
    kind = Acts(forever)
    ends = Worker("a", kind)
    await ends.runner.begin(job("j"))
    await ends.runner.begin(job("bound"), bound=True)
    await asyncio.sleep(0.4)  # so that their events are written
    late = asyncio.create_task(ends.runner.begin(job("late")))
    await asyncio.sleep(0)
    ends.runner.hand_over()
    await late
    await ends.runner.stop()
    given = await rows()
    takes = Worker("b", Acts(at_once))
    await ended("j")
    await ended("late")
    return {"given": given, "then": await rows(), "kept": {row[0]: await events(takes, row[0]) for row in given}}


async def places() -> Any:
    """A worker with one place is given three jobs."""
    most = 0

    async def act(run: Run) -> Outcome:
        nonlocal most
        most = max(most, worker.runner.count("acts"))
        await asyncio.sleep(0.2)
        return await at_once(run)

    worker = Worker("a", Acts(act), places=1)
    for name in "abc":
        await worker.runner.begin(job(name))
    at_first = [row[1] for row in await rows()]
    await asyncio.gather(*(ended(name, 20) for name in "abc"))
    return {"at_first": at_first, "most": most}


async def beside() -> Any:
    """What is written beside a job is written with it or not at all."""
    from django.db import IntegrityError

    from openai_api.models import JobRow

    def write() -> None:
        JobRow.objects.filter(pk="other").update(failures=7)

    def refused() -> None:
        write()
        raise IntegrityError

    worker = Worker("a")
    await worker.store.queue(job("other"), taken=False)
    found: list[Any] = []
    for name, ending in (("refused", refused), ("written", write)):
        try:
            await worker.store.queue(job(name), taken=True, write=ending)
            await worker.store.finish(name, 0, Ending(State.DONE, write=ending))
        except Exception as error:  # noqa: BLE001  whatever it is, is told
            found.append(type(error).__name__)
        found.append(await rows())
    return found


STORIES = {story.__name__: story for story in (retried, spent, lost, cancelled, handed_over, places, beside)}


def main() -> None:
    import django

    django.setup()
    sys.stdout.write(json.dumps(asyncio.run(STORIES[sys.argv[1]]())) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
