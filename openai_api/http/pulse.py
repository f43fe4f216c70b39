"""How is a silent stream kept alive? With pings; one timer per stream, and no task until one is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

SILENCE_S = 15.0


class Pulse:
    """Calls `ping`, which sends one, after each `silence` seconds in which nothing was sent."""

    def __init__(self, ping: Callable[[], Coroutine[Any, Any, None]], silence: float = SILENCE_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._ping = ping
        self._silence = silence
        self._last = self._loop.time()
        self._sending = False
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(silence, self._beat)

    def begin(self) -> None:
        """A write begins. It lasts until the client reads, and no ping is due meanwhile."""
        self._sending = True

    def end(self) -> None:
        """The write is complete."""
        self._sending = False
        self._last = self._loop.time()

    def stop(self) -> None:
        """Ends the pulse. No ping comes after it."""
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
        await self._ping()
        self._last = self._loop.time()
