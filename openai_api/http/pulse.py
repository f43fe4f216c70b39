"""Does a stream's client know that we are still there? One timer a stream, no task while all goes well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

SILENCE_S = 15.0
COMMENT = b": keep-alive\n\n"


class Pulse:
    """Calls `comment`, which sends one, after every `silence` seconds in which nothing was sent."""

    def __init__(self, comment: Callable[[], Coroutine[Any, Any, None]], silence: float = SILENCE_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._comment = comment
        self._silence = silence
        self._last = self._loop.time()
        self._sending = False
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(silence, self._beat)

    def begin(self) -> None:
        """Something is being sent, which takes as long as the client does not read."""
        self._sending = True

    def end(self) -> None:
        """It has been sent."""
        self._sending = False
        self._last = self._loop.time()

    def stop(self) -> None:
        """Ends the pulse. No comment comes after it."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _beat(self) -> None:
        quiet = self._loop.time() - self._last
        waiting = self._sending or (self._task is not None and not self._task.done())
        if not waiting and quiet >= self._silence:
            self._task = self._loop.create_task(self._say())
        again = self._silence if waiting or quiet >= self._silence else self._silence - quiet
        self._timer = self._loop.call_later(again, self._beat)

    async def _say(self) -> None:
        await self._comment()
        self._last = self._loop.time()
