"""Who asks the database for stored responses, and for figures? A few threads with connections of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection

from openai_api.errors import StoreUnavailable

T = TypeVar("T")
THREADS = 2
ANSWER_S = 1.5
"""How long a request waits for the database."""
log = structlog.stdlib.get_logger("gateway.responses")


class DatabaseThreads:
    """The threads of a process; `name` says what they read and write."""

    def __init__(self, name: str = "response") -> None:
        self._recovered, self._unavailable = f"{name} store recovered", f"{name} store unavailable"
        self._threads = ThreadPoolExecutor(THREADS, f"{name}s")
        self._away = False

    async def run(self, work: Callable[[], T]) -> T:
        """What the work returns. Raises `StoreUnavailable` when the database fails twice, or does not answer."""
        answer = asyncio.get_running_loop().run_in_executor(self._threads, _answered, work)
        try:
            async with asyncio.timeout(ANSWER_S):
                answered = await answer
        except (TimeoutError, DatabaseError, InterfaceError, OSError) as error:
            self._lose(error)
            raise StoreUnavailable from error
        if self._away:
            self._away = False
            log.info(self._recovered)
        return answered

    def _lose(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            log.error(self._unavailable, error=type(error).__name__)

    async def close(self) -> None:
        """Waits for what is under way, not for long, and gives the threads' connections back."""
        closed = [asyncio.wrap_future(self._threads.submit(_hang_up)) for _ in range(THREADS)]
        await asyncio.wait(closed, timeout=ANSWER_S)
        self._threads.shutdown(wait=False, cancel_futures=True)


def _answered(work: Callable[[], T]) -> T:
    """What the database says. A broken connection is given up, and work that found one is tried once more."""
    try:
        return work()
    except (DatabaseError, InterfaceError, OSError):
        connection.close()
    try:
        return work()
    except (DatabaseError, InterfaceError, OSError):
        connection.close()
        raise


def _hang_up() -> None:
    connection.close()  # that of the thread in which this runs
