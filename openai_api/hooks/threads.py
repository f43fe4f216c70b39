"""Where do the plain functions of hooks run? In a few threads of each hook, so that one which hangs holds nobody else up."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MOST = 4
"""Threads of a hook. One that hangs keeps its thread."""


Work = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Busy(Exception):
    """All threads of the hook are at work."""


class Threads:
    """Up to four daemon threads, begun when they are needed: they do not keep a process from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[Work] = queue.SimpleQueue()

        self._lock = threading.Lock()
        self._begun = self._busy = 0

    def run(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """The result to come. Raises `Busy`."""
        with self._lock:
            if self._busy >= MOST:
                raise Busy(f"all {MOST} threads of the hook are at work")
            self._busy += 1
            begin = self._busy > self._begun
            self._begun += begin
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._work.put((work, future, loop))
        if begin:
            threading.Thread(target=self._serve, name=f"hook-{self._name}", daemon=True).start()
        return future

    def _serve(self) -> None:
        while True:
            work, future, loop = self._work.get()
            result: Any = None
            failure: BaseException | None = None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the hook's and ends with its call
                failure = error
            with self._lock:
                self._busy -= 1
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_settle, future, result, failure)
            del work, future, loop, result, failure


def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        harmless = isinstance(failure, Exception) and not isinstance(failure, StopIteration)
        future.set_exception(failure if harmless else Fatal(failure))


class Fatal(Exception):
    """A hook raised what is meant for the whole process (`SystemExit`), or for the event loop."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__(f"{type(raised).__name__} raised by a hook")
