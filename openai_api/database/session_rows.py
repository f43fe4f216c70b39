"""How do session events reach the database? Some at a time, each once and in its place; while it is away, they wait in memory.

The number of an event counts those of its session. It is given under a lock of the session's row, so that several recorders may
write to one session. Exchanges of a session stand in the order of their ends: the events of one that is heard of late are put
before those that ended after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError, connection

from openai_api.database.session_purge import PURGE_S, end_forgotten, purge
from openai_api.database.session_writes import Row, write
from openai_api.database.usage_rows import REFUSED
from openai_api.observing.session_event import SessionEvent

log = structlog.stdlib.get_logger("gateway.recording")
AWAY = (DatabaseError, InterfaceError, OSError)
AGAIN_S = 1.0
BATCH = 200
"""Events in one transaction."""
HELD_EVENTS = 20_000
HELD_BYTES = 64 * 1024 * 1024
"""What waits in memory while the database is away; what comes then is lost, so that sessions have no holes but an end."""
FORGOTTEN_S = 300.0
"""How long after its end a session is ended here whose recorder has not done it."""


class SessionSink:
    """Writes events; `lost` counts those that found no room, or that the database refuses. They are deleted after `days` days,
    never if that is 0. `idle_s` is after how long a session has ended, should nobody tell."""

    name = "database"

    def __init__(self, days: int = 0, idle_s: float = 1800.0) -> None:
        self.lost = 0
        self._days = days
        self._idle_s = idle_s
        self._waiting: list[Row] = []
        self._bytes = 0
        self._away = self._doubtful = False
        self._full = False
        self._again = self._purge_at = 0.0

    @property
    def held(self) -> int:
        """Events that wait."""
        return len(self._waiting)

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        for event in events:
            self._take(row_of(event))
        if len(self._waiting) >= BATCH:
            self._write()

    def tick(self) -> None:
        """Writes what waits, and deletes what has expired."""
        self._write()
        if not self._away and monotonic() >= self._purge_at:
            self._purge()

    def close(self) -> None:
        """Gives the thread's connection back. What the database does not take now is lost."""
        self._again = 0.0
        self._write()
        if self._waiting:
            self.lost += len(self._waiting)
            log.error("session events are lost: the database does not take them", events=len(self._waiting))
        connection.close()

    def _take(self, row: Row) -> None:
        if len(self._waiting) >= HELD_EVENTS or self._bytes + row.weight > HELD_BYTES:
            self.lost += 1
            if not self._full:
                self._full = True
                log.error("session events are lost: too many wait for the database")
            return
        self._waiting.append(row)
        self._bytes += row.weight

    def _write(self) -> None:
        if self._away and monotonic() < self._again:
            return
        try:
            while self._waiting:
                batch = self._waiting[:BATCH]
                self._accept(batch)
                del self._waiting[: len(batch)]
                self._bytes -= sum(row.weight for row in batch)
        except AWAY as error:
            self._lose_sight(error)
        else:
            self._works()

    def _accept(self, batch: Sequence[Row]) -> None:
        """Writes events, all but those that the database refuses, found by halving. Raises database errors of other kinds."""
        try:
            write(batch, again=self._doubtful)
        except REFUSED:
            middle = len(batch) // 2
            if not middle:
                self.lost += 1
                log.error("the database rejects a session event: it is lost", request_id=batch[0].request_id)
                return
            self._accept(batch[:middle])
            self._accept(batch[middle:])

    def _purge(self) -> None:
        try:
            more = bool(self._days) and purge(self._days)
            more = end_forgotten(self._idle_s + FORGOTTEN_S) or more
            self._purge_at = 0.0 if more else monotonic() + PURGE_S
        except AWAY as error:
            self._lose_sight(error)

    def _lose_sight(self, error: Exception) -> None:
        self._again = monotonic() + AGAIN_S
        self._doubtful = True  # nobody knows whether the last transaction took place
        connection.close()
        if not self._away:
            self._away = True
            log.error("session events cannot be written: they wait until the database is back", error=type(error).__name__)

    def _works(self) -> None:
        self._doubtful = self._full = False
        if self._away:
            self._away = False
            log.info("session events are written again")


def row_of(event: SessionEvent) -> Row:
    """What is written of an event."""
    attributes = _json(event.attributes)
    return Row(
        session_id=_text(event.session_id, 256),
        client_id=_text(event.client_id, 36),
        client_name=_text(event.client_name, 200),
        tenant=_text(event.tenant, 200),
        agent=_text(event.agent_id, 256),
        tags={_text(name, 200): _text(value, 512) for name, value in event.tags.items()},
        trace=event.trace_id,
        at=datetime.fromtimestamp(event.at, UTC),
        name=event.name,
        level=event.level,
        span=event.span_id,
        request_id=_text(event.request_id, 128),
        model=_text(event.model, 200),
        attributes=attributes,
        bodies=event.bodies,
        told=event.attributes,
        weight=len(attributes) + 1024,
    )


def _json(attributes: dict[str, Any]) -> str:
    r"""As JSON that every database takes: without `\u0000`, and without what is no JSON."""
    try:
        return _without_nul(msgspec.json.encode(attributes))
    except (TypeError, ValueError, OverflowError, RecursionError):
        plain = {name: value for name, value in attributes.items() if isinstance(value, int | float)}
        return msgspec.json.encode(plain).decode()


def _without_nul(encoded: bytes) -> str:
    return encoded.decode().replace("\\u0000", "") if b"\\u0000" in encoded else encoded.decode()


def _text(text: str, length: int) -> str:
    return text.encode("utf-8", "replace").decode()[:length].replace("\0", "")
