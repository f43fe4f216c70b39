"""How does this process learn that the catalog has changed? From its own commits, from hints, and by asking twice a second.

The version in the database decides; a hint (PostgreSQL NOTIFY, Redis publication) only makes the next look come sooner.
All database work happens in one thread of its own and in the threads that write; the event loop only listens.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from math import inf
from time import monotonic

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, Error, connection, connections

from models_catalog import publish
from models_catalog.compiler import compile_newer, compile_snapshot
from models_catalog.hints import Listener, postgres_listener, redis_listener
from models_catalog.live import LiveCatalog
from models_catalog.snapshot import CatalogSnapshot

POLL_INTERVAL_S = 0.5
FIRST_LOAD_S = 10.0
LOCK_S = 5.0
STOP_S = 0.5

log = structlog.stdlib.get_logger(__name__)


class CatalogRefresher:
    """Keeps a `LiveCatalog` up to date between `start()` and `stop()`; `refresh()` may be called from any thread."""

    def __init__(self, live: LiveCatalog, *, poll_interval_s: float = POLL_INTERVAL_S) -> None:
        self._live = live
        self._poll_interval_s = poll_interval_s
        self._refreshing = threading.Lock()
        self._failing = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._looked = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Task[None] | None = None

    def refresh(self) -> bool:
        """Loads the catalog if the database has a newer one; True if so. A failure keeps the last good one and is logged."""
        if not self._refreshing.acquire(timeout=LOCK_S):
            self._wake.set()  # another thread hangs in the database: the writer that called must not hang with it
            return False
        try:
            loaded = self._load_if_newer()
        except Exception as err:  # noqa: BLE001  whatever the database or a defect does, requests are served on
            self._failed(err)
            return False
        else:
            self._works()
            return loaded
        finally:
            self._refreshing.release()

    def _load_if_newer(self) -> bool:
        before = self._live.current
        if not self._live.loaded:
            self._live.swap(compile_snapshot())
        elif publish.current_version() > before.version:
            self._live.swap(compile_newer(before))
        else:
            return False
        _log_loaded(before, self._live.current)
        return True

    def _failed(self, err: Exception) -> None:
        self._live.asked = -inf
        if not self._failing:
            self._failing = True
            text = str(err).strip() if isinstance(err, DatabaseError) else None
            log.error("catalog refresh failed", error=type(err).__name__, detail=text, exc_info=None if text else err)

    def _works(self) -> None:
        self._live.asked = monotonic()
        if self._failing:
            self._failing = False
            log.info("catalog refresh recovered", version=self._live.current.version)

    # Between start and stop

    async def start(self) -> None:
        """Starts to follow the catalog; returns after the first attempt to load it, or after 10 seconds without one."""
        if self._thread is not None:
            raise RuntimeError("the refresher is already started")
        self._stopping.clear()
        self._looked.clear()
        publish.add_refresh_callback(self.refresh)
        self._thread = threading.Thread(target=self._follow, name="catalog-refresher", daemon=True)
        self._thread.start()
        listener = _hint_listener()
        if listener is not None:
            self._listener = asyncio.create_task(listener(self._wake.set), name="catalog-hints")
        await asyncio.to_thread(self._looked.wait, FIRST_LOAD_S)

    async def stop(self) -> None:
        """Stops following and closes the connections; a thread that hangs in the database is left behind."""
        publish.remove_refresh_callback(self.refresh)
        self._stopping.set()
        self._wake.set()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)
            self._thread = None

    def _follow(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                self.refresh()
                self._looked.set()
                if self._failing:
                    with suppress(Error):
                        connection.close()
                self._wake.wait(self._poll_interval_s)
        finally:
            connections.close_all()


def _log_loaded(before: CatalogSnapshot, after: CatalogSnapshot) -> None:
    log.info("catalog loaded", version=after.version, models=len(after.models), clients=len(after.clients))
    for problem in after.problems:
        if problem not in before.problems:
            log.warning("catalog problem", where=problem.where, problem=problem.message)


def _hint_listener() -> Listener | None:
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        return postgres_listener(connections[DEFAULT_DB_ALIAS].get_connection_params())
    return redis_listener(settings.REDIS_URL) if settings.REDIS_URL else None
