"""Which running answers end with their key? Those of keys that say so: at a newer catalog, and when the key expires.

Requests of all other keys are not looked at, and pay nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import time

from models_catalog.live import LiveCatalog
from models_catalog.snapshot import Client

End = Callable[[], object]

LOOK_EVERY_S = 1.0
"""Of a key that expires, at most: a timer runs on another clock than the one that says when, and that one can be set."""
LOOK_AGAIN_S = 0.005
"""At least, when a timer was early."""


@dataclass(slots=True)
class _Watched:
    live: LiveCatalog
    client_id: str
    end: End
    timer: asyncio.TimerHandle | None = None


class Revocations:
    """Knows the running answers of the keys that end them. Belongs to the event loop, except `look_soon`."""

    def __init__(self) -> None:
        self._watched: dict[asyncio.Task[object], _Watched] = {}

    @contextmanager
    def watching(self, live: LiveCatalog, client: Client, end: End) -> Iterator[None]:
        """Calls `end`, once, if the client is no longer in force before the block is left. A task is watched once: the first
        who asks for it says how it ends. Clients that are not of the catalog, but of a hook, are not watched."""
        task = asyncio.current_task()
        if task is None or task in self._watched or live.current.client(client.id) is None:
            yield
            return
        self._watched[task] = _Watched(live, client.id, end)
        self._look_at(task, soon=True)
        try:
            yield
        finally:
            self._forget(task)

    def look(self) -> None:
        """Ends the answers of clients that are no longer in force."""
        for task in list(self._watched):
            self._look_at(task)

    def look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """For any thread."""
        if self._watched:
            loop.call_soon_threadsafe(self.look)

    def _look_at(self, task: asyncio.Task[object], soon: bool = False) -> None:
        """`soon`: what has expired by now ends in the next turn of the loop, when the answer has begun."""
        watched = self._watched.get(task)
        if watched is None:
            return
        client = watched.live.current.client(watched.client_id)
        left = None if client is None or client.expires_at is None else client.expires_at - time()
        if not soon and (client is None or (left is not None and left <= 0)):
            self._forget(task)
            watched.end()
        elif left is not None:
            if watched.timer is not None:
                watched.timer.cancel()
            delay = max(min(left, LOOK_EVERY_S), LOOK_AGAIN_S)
            watched.timer = asyncio.get_running_loop().call_later(delay, self._look_at, task)

    def _forget(self, task: asyncio.Task[object]) -> None:
        watched = self._watched.pop(task, None)
        if watched is not None and watched.timer is not None:
            watched.timer.cancel()
