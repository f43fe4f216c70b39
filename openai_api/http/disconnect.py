"""Has the client left? A server with the extension `WATCHED` says so itself; of any other, an ASGI `receive` is watched.

That is done without a task, which would cost more than authentication does: the steps of `receive` are taken by hand, from the
event loop's callbacks. What it waits for is an asyncio future in every server that runs on asyncio's own primitives; for any
other, a task does the waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from functools import partial
from typing import Any

from openai_api.context import Receive

Message = Mapping[str, Any]
Step = Coroutine[Any, Any, Message]
Gone = Callable[[], None]
WATCHED = "signalbox.http.disconnect"
"""An extension of ASGI: `watch`, called with a function, has that called when the client leaves before it has its answer; called
with None, no more. It is a third of the work of watching `receive`."""


class Rest:
    """Awaits a coroutine whose first step has been taken, and which waits for `waiting`."""

    __slots__ = ("_step", "_waiting")

    def __init__(self, step: Step, waiting: Any) -> None:
        self._step = step
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, Message]:
        waiting = self._waiting
        try:
            while True:
                try:
                    sent = yield waiting
                except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the coroutine
                    waiting = self._step.throw(error)
                else:
                    waiting = self._step.send(sent)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def first_step(step: Any) -> Message | Rest:
    """Begins to `receive`: the message if it was there already, else what must be awaited for it."""
    try:
        return Rest(step, step.send(None))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def watched(scope: Mapping[str, Any], receive: Receive, gone: Gone) -> Callable[[], None]:
    """Has `gone` called once when the client leaves, until the function that is returned is called."""
    extension = scope.get("extensions", {}).get(WATCHED)
    if extension is None:
        return DisconnectWatch(receive, gone).stop
    extension["watch"](gone)
    return partial(extension["watch"], None)


class DisconnectWatch:
    """Calls `gone` once when the client leaves, until it is stopped."""

    __slots__ = ("_gone", "_receive", "_step", "_task", "_waiting")

    def __init__(self, receive: Receive, gone: Gone) -> None:
        self._receive = receive
        self._gone = gone
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._step: Any = receive()
        self._advance()

    def stop(self) -> None:
        """Ends the watch; `gone` is not called any more."""
        if self._task is not None:
            self._task.cancel()
        if self._waiting is not None:
            self._waiting.remove_done_callback(self._advance)
            self._waiting = None
            self._step.close()

    def _advance(self, waited: Any = None) -> None:
        if waited is not self._waiting:
            return  # stopped when this call was already scheduled, which nothing takes back
        self._waiting = None
        message, waiting = self._next()
        while message is not None and message["type"] != "http.disconnect":
            self._step = self._receive()
            message, waiting = self._next()
        if message is not None:
            self._gone()
        elif asyncio.isfuture(waiting):
            waiting._asyncio_future_blocking = False  # noqa: SLF001 - as a task does when it takes a future over
            waiting.add_done_callback(self._advance)
            self._waiting = waiting
        else:
            self._task = asyncio.ensure_future(self._by_task(Rest(self._step, waiting)))

    def _next(self) -> tuple[Message | None, Any]:
        """What the coroutine returns, or what it waits for."""
        try:
            return None, self._step.send(None)
        except StopIteration as done:
            return done.value, None

    async def _by_task(self, rest: Rest) -> None:
        message = await rest
        while message["type"] != "http.disconnect":
            message = await self._receive()
        self._gone()
