"""Are kinds of jobs told apart, and is a run heard in order, by whoever asks from whichever event?"""

from __future__ import annotations

import asyncio

import pytest

from openai_api.database.stored_jobs import DatabaseJobs
from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.job import Ending, Events, Job, State, Why
from openai_api.jobs.run import Run
from openai_api.jobs.runner import JobRunner


class Nothing:
    """A kind that does nothing."""

    name = "nothing"
    tries = 1

    async def run(self, run: Run) -> Ending:
        return Ending(State.DONE)

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        return Ending(State.FAILED)


def test_kinds_when_two_have_one_name_are_refused() -> None:
    runner = JobRunner(DatabaseJobs(DatabaseThreads(), 1, "w"))
    runner.register(Nothing())
    with pytest.raises(ValueError, match="nothing"):
        runner.register(Nothing())


def run_from(number: int) -> Run:
    return Run(Job("j", "nothing", "o", b"", 0.0, number))


async def test_run_when_asked_is_heard_from_there_up_to_what_was_published() -> None:
    run = run_from(5)
    for frame in (b"5", b"6", b"7"):
        run.add(frame)
    run.publish()
    run.add(b"8")
    assert (run.has_from(4), run.has_from(5), run.number) == (False, True, 9)
    assert await run.events(4) == Events([b"5", b"6", b"7"], 7, ended=False)
    assert await run.events(6) == Events([b"7"], 7, ended=False)
    assert (run.heard(), run.unwritten()) == ((5, [b"5", b"6", b"7"]), (5, [b"5", b"6", b"7", b"8"]))
    run.wrote(2)
    assert (run.heard(), run.unwritten()) == ((7, [b"7"]), (7, [b"7", b"8"]))
    run.forget_unheard()
    assert run.number == 8


@pytest.mark.parametrize("ended", [False, True])
async def test_run_when_closed_lets_go_of_who_waits_and_says_whether_the_job_has_ended(ended: bool) -> None:
    run = run_from(0)
    waiting = asyncio.create_task(run.events(-1))
    await asyncio.sleep(0)
    assert not waiting.done()
    run.close(ended=ended)
    assert await waiting == Events([], -1, ended=ended)
