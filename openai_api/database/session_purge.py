"""How long are sessions remembered? What has expired is deleted, some at a time; and sessions that nobody remembers are ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from openai_api.database.session_writes import Row, write
from openai_api.models import SessionEventRow, SessionRow
from openai_api.observing.fold.host import host_attributes
from openai_api.observing.names import BESIDE
from openai_api.observing.session_event import EventName, Level, new_span_id

PURGE_S = 60.0
SESSIONS = 100
"""Sessions in one transaction."""
EVENTS = 1000
"""Events in one transaction: a writer that waits for it must not notice."""
FORGOTTEN = "forgotten"
"""Why a session has ended that no recorder remembers."""


def purge(days: float) -> bool:
    """Deletes events that happened more than `days` days ago, the oldest first, and sessions in which nothing has happened since
    then; whether there may be more. Raises database errors."""
    before = datetime.now(UTC) - timedelta(days=days)
    events = list(SessionEventRow.objects.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:EVENTS])
    SessionEventRow.objects.filter(pk__in=events).delete()
    if len(events) == EVENTS:
        return True
    sessions = list(SessionRow.objects.filter(last_at__lt=before).order_by("last_at").values_list("pk", flat=True)[:SESSIONS])
    SessionRow.objects.filter(pk__in=sessions, last_at__lt=before).delete()
    return len(sessions) == SESSIONS


def end_forgotten(idle_s: float) -> bool:
    """Ends sessions in which nothing has happened for so many seconds; whether there may be more. Raises database errors."""
    now = datetime.now(UTC)
    idle = SessionRow.objects.filter(ended_at__isnull=True, last_at__lt=now - timedelta(seconds=idle_s))
    sessions = list(idle.order_by("last_at")[:SESSIONS])
    if sessions:
        write([_end(session, now) for session in sessions])
    return len(sessions) == SESSIONS


def _end(session: SessionRow, now: datetime) -> Row:
    told: dict[str, Any] = host_attributes() | {
        "session.id": session.session_id,
        BESIDE["session.id"]: session.session_id,
        "session.end.reason": FORGOTTEN,
        "session.duration_ms": _ms(session.last_at - session.started_at),
        "session.idle_ms": _ms(now - session.last_at),
        "session.calls": session.calls,
        "session.errors": session.errors,
        "session.tools": session.tools,
    }
    return Row(
        session_id=session.session_id,
        client_id=session.client_id,
        client_name=session.client_name,
        tenant=session.tenant,
        agent=session.agent,
        tags={},
        trace=session.trace,
        at=now,
        name=EventName.SESSION_END,
        level=Level.INFO,
        span=new_span_id(),
        request_id="",
        model=session.model,
        attributes=msgspec.json.encode(told).decode(),
        bodies=False,
        told=told,
        weight=0,
    )


def _ms(time: timedelta) -> float:
    return round(time.total_seconds() * 1000, 3)
