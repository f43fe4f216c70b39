"""When does waiting end? One timer for all connections of a transport.

A deadline is a field of a connection, moved by plain assignment. The timer sleeps until the earliest one that it knows
of, looks at every connection when it fires, and fires at most once each `RESOLUTION`: a deadline is met at most so much
late, never early.
"""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic
from typing import Protocol

from providers.errors import ProviderError

RESOLUTION = 0.025
"""Seconds between two looks at the connections, at least."""

CLOCK_TICK = 0.001
"""Seconds by which an event loop's timer may fire early."""


class Watched(Protocol):
    """What the sweep looks at. `expire` is called once `deadline` (monotonic seconds) has passed, and must move it."""

    deadline: float

    def expire(self, now: float) -> None: ...
    def fail(self, error: ProviderError) -> None: ...


class Sweep:
    """Who moves a deadline to before `wake` calls `arm`."""

    __slots__ = ("_emptied", "_timer", "_watched", "wake")

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._emptied: asyncio.Future[None] | None = None
        self.wake = inf
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, deadline: float) -> None:
        """Looks at the connections at `deadline`, or `RESOLUTION` from now if that is later."""
        now = monotonic()
        wake = max(deadline, now + RESOLUTION)
        if wake >= self.wake:
            return
        self._sleep()
        self.wake = wake
        self._timer = asyncio.get_running_loop().call_later(wake - now + CLOCK_TICK, self._look)

    def enter(self, watched: Watched) -> None:
        self._watched.add(watched)

    def leave(self, watched: Watched) -> None:
        self._watched.discard(watched)
        if self._emptied is not None and not self._watched and not self._emptied.done():
            self._emptied.set_result(None)

    async def fail_all(self, error: ProviderError) -> None:
        """Fails everything that is watched, and waits until all of it has left."""
        self._sleep()
        for watched in tuple(self._watched):
            watched.fail(error)
        if self._watched:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def _sleep(self) -> None:
        self.wake = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = monotonic()
        self._sleep()
        for watched in tuple(self._watched):
            if watched.deadline <= now:
                watched.expire(now)
        self.arm(min((watched.deadline for watched in self._watched), default=inf))
