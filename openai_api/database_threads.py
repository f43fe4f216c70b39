"""Who asks the database for stored responses? A few threads with connections of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection

from openai_api.responses import StoreUnavailable

T = TypeVar("T")
THREADS = 2
ANSWER_S = 1.5
"""How long a request waits for the database."""
log = structlog.stdlib.get_logger("gateway.responses")


class DatabaseThreads:
    """The threads of a process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "responses")

    async def run(self, work: Callable[[], T]) -> T:
        """What the work returns. Raises `StoreUnavailable` when the database fails twice, or does not answer."""
        answer = asyncio.get_running_loop().run_in_executor(self._threads, _answered, work)
        try:
            return await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError as error:
            log.error("stored responses do not answer")
            raise StoreUnavailable from error

    async def close(self) -> None:
        """Waits for what is under way, not for long, and gives the threads' connections back."""
        closed = [asyncio.wrap_future(self._threads.submit(_hang_up)) for _ in range(THREADS)]
        await asyncio.wait(closed, timeout=ANSWER_S)
        self._threads.shutdown(wait=False, cancel_futures=True)


def _answered(work: Callable[[], T]) -> T:
    """What the database says. A broken connection is given up, and work that found one is tried once more."""
    for last in (False, True):
        try:
            return work()
        except (DatabaseError, InterfaceError, OSError) as error:
            connection.close()
            if last:
                log.error("stored responses cannot be reached", error=type(error).__name__)
                raise StoreUnavailable from error
    raise StoreUnavailable


def _hang_up() -> None:
    connection.close()  # that of the thread in which this runs
