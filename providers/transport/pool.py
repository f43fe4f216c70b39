"""Which connections to one origin are there, and which of them is free?"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import NamedTuple

from providers.errors import UpstreamReset
from providers.transport import Origin
from providers.transport.connection import Connection
from providers.transport.dial import Dialer
from providers.transport.sweep import Sweep


class PoolCounters(NamedTuple):
    """`active` and `idle` count connections now (those being opened are active), the others since the start."""

    active: int
    idle: int
    opened: int
    stale_retries: int


class Pool:
    """The connections to one origin; the one that was used last is taken first, so that the others may age."""

    __slots__ = (
        "_dialer",
        "_dialing",
        "_idle",
        "_keep_seconds",
        "_open",
        "_opened",
        "_origin",
        "_scratch",
        "_sweep",
        "peer",
        "stale_retries",
    )

    def __init__(self, origin: Origin, dialer: Dialer, sweep: Sweep, scratch: memoryview, keep_seconds: float) -> None:
        self._origin = origin
        self._dialer = dialer
        self._sweep = sweep
        self._scratch = scratch
        self._keep_seconds = keep_seconds
        self._dialing = self._open = self._opened = 0
        self._idle: dict[Connection, None] = {}
        self.peer = f"{origin.host}:{origin.port}"
        self.stale_retries = 0

    async def dial(self, seconds: float) -> Connection:
        """A new connection. Raises `ConnectFailed`, `ConnectTimeout`, or `UpstreamReset` if it was closed at once."""
        self._dialing += 1
        try:
            connection = await self._dialer.dial(self._origin, self._connection, seconds)
        finally:
            self._dialing -= 1
        if connection.closed:
            raise UpstreamReset(f"{self.peer}: the connection was closed before the request")
        connection.enter()
        self._open += 1
        self._opened += 1
        return connection

    def _connection(self) -> Connection:
        return Connection(asyncio.get_running_loop(), self, self._sweep, self._scratch, self.peer)

    def take(self) -> Connection | None:
        """The free connection that was used last. One on which bytes wait is dropped: the next request did not ask for them."""
        idle = self._idle
        while idle:
            connection = idle.popitem()[0]
            if not connection.readable(0):
                return connection
            connection.abort()
        return None

    def release(self, connection: Connection) -> None:
        """Takes back a connection after its exchange: to keep it if it may be used again, to close it otherwise."""
        if not connection.reusable():
            connection.abort()
            return
        self._idle[connection] = None
        connection.deadline = deadline = monotonic() + self._keep_seconds
        if deadline < self._sweep.wake:
            self._sweep.arm(deadline)

    def unusable(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def lost(self) -> None:
        self._open -= 1

    def counters(self) -> PoolCounters:
        idle = len(self._idle)
        return PoolCounters(self._open - idle + self._dialing, idle, self._opened, self.stale_retries)
