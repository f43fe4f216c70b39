"""Who answers in this process? The gateway that runs in it says so when it starts; pages and the API ask from their threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, TypeVar

from openai_api.context import Gateway
from openai_api.explain.journey import explain
from openai_api.explain.result import Explanation, Question

T = TypeVar("T")
WAIT_S = 10.0
_here: list[tuple[Gateway, asyncio.AbstractEventLoop]] = []


class NobodyAnswers(RuntimeError):
    """No gateway serves requests in this process, or its event loop does not answer."""


def tell(gateway: Gateway, loop: asyncio.AbstractEventLoop) -> None:
    """From now on this gateway is asked, in its loop."""
    _here[:] = [(gateway, loop)]


def forget(gateway: Gateway) -> None:
    """It has ended."""
    if _here and _here[0][0] is gateway:
        _here.clear()


def ask(question: Question) -> Explanation:
    """What the gateway of this process says. For any thread but that of its loop. Raises `NobodyAnswers`."""
    return ask_loop(lambda gateway: explain(gateway, question), WAIT_S)


def ask_loop(work_of: Callable[[Gateway], Coroutine[Any, Any, T]], wait_s: float) -> T:
    """What comes of work in the event loop of the gateway of this process. For any thread but that of its loop. Raises
    `NobodyAnswers`, and what the work raises."""
    if not _here or not (here := _here[0])[0].catalog.loaded:
        raise NobodyAnswers("No worker of this process serves requests yet.")
    gateway, loop = here
    work = work_of(gateway)
    try:
        future = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError as error:  # the loop is closed
        work.close()
        raise NobodyAnswers("The worker of this process has ended.") from error
    try:
        return future.result(wait_s)
    except NotInTime as error:
        future.cancel()
        raise NobodyAnswers(f"The worker did not answer within {wait_s:g} seconds.") from error
