"""Which running answers end with their key? Those of keys that say so: at a newer catalog, and when the key expires.

Requests of all other keys are not looked at, and pay nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import time

from models_catalog.live import LiveCatalog
from models_catalog.snapshot import Client

End = Callable[[], object]


class Revocations:
    """Knows the running answers of the keys that end them. Belongs to the event loop, except `look_soon`."""

    def __init__(self) -> None:
        self._watched: dict[asyncio.Task[object], tuple[LiveCatalog, Client, End]] = {}

    @contextmanager
    def watching(self, live: LiveCatalog, client: Client, end: End) -> Iterator[None]:
        """Calls `end`, once, if the client is no longer in force before the block is left. A task is watched once: the first
        who asks for it says how it ends. Clients that are not of the catalog, but of a hook, are not watched."""
        task = asyncio.current_task()
        if task is None or task in self._watched or live.current.client(client.id) is None:
            yield
            return
        self._watched[task] = live, client, end
        timer = None
        if client.expires_at is not None:
            timer = asyncio.get_running_loop().call_later(max(client.expires_at - time(), 0.0), self._look_at, task)
        try:
            yield
        finally:
            self._watched.pop(task, None)
            if timer is not None:
                timer.cancel()

    def look(self) -> None:
        """Ends the answers of clients that are no longer in force."""
        for task in list(self._watched):
            self._look_at(task)

    def look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """For any thread."""
        if self._watched:
            loop.call_soon_threadsafe(self.look)

    def _look_at(self, task: asyncio.Task[object]) -> None:
        if task not in self._watched:
            return
        live, client, end = self._watched[task]
        now = live.current.client(client.id)
        if now is None or (now.expires_at is not None and now.expires_at <= time()):
            del self._watched[task]
            end()
