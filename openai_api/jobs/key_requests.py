"""How do operators hear that a person has asked for more? By a mail, which a job sends, again until it is taken."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from openai_api.errors import StoreUnavailable
from openai_api.jobs.job import Again, Ending, Events, Job, Outcome, State, Why
from openai_api.jobs.run import Run

KIND = "key_request"
TRIES = 8
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 600.0
log = logging.getLogger("gateway.me")


class Letter(msgspec.Struct):
    """A mail to some people."""

    to: Sequence[str]
    title: str
    text: str


Find = Callable[[str], Awaitable[Letter | None]]
"""The mail about the request of that id; None if nobody is to be told any more. Raises `StoreUnavailable`."""
Mail = Callable[[Letter], Awaitable[None]]
"""Sends it. Raises `OSError` when no server takes it."""


class KeyRequestMails:
    """The kind of jobs that tells of requests for more."""

    name = KIND
    tries = TRIES

    def __init__(self, find: Find, mail: Mail) -> None:
        self._find = find
        self._mail = mail

    async def run(self, run: Run) -> Outcome:
        try:
            letter = await self._find(run.job.payload.decode())
        except StoreUnavailable:
            return Again(FIRST_PAUSE_S)
        if letter is None or not letter.to:
            return Ending(State.DONE)
        try:
            await self._mail(letter)
        except OSError as error:  # what smtplib raises is one, too
            tries = run.job.failures + 1
            if tries >= TRIES:
                log.error("mail of a request for more given up", extra={"tries": tries, "reason": type(error).__name__})
                return Ending(State.FAILED)
            return Again(min(FIRST_PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S))
        return Ending(State.DONE)

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        return Ending(State.CANCELLED if why is Why.CANCELLED else State.FAILED)
