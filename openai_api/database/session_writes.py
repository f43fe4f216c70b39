"""How do some events get their numbers, and their sessions their sums? In one transaction, under a lock of the sessions' rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F, Min, QuerySet

from openai_api.models import SessionEventRow, SessionLabelRow, SessionRow
from openai_api.observing.session_event import EventName, Level

ENDS = (EventName.CALL_FINISH, EventName.CALL_ERROR)
APART = 1_000_000_000
"""Added to numbers while others take their place: none is given twice, not even for a moment."""
LEEWAY = timedelta(seconds=1)
CHANGED = (
    "client_name",
    "tenant",
    "agent",
    "model",
    "tags",
    "started_at",
    "last_at",
    "ended_at",
    "events_count",
    "calls",
    "errors",
    "tools",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced",
    "bodies",
)
TAGS = 100
"""Tags that are kept of a session, the last ones that it was given."""
Key = tuple[str, str]


class Row(msgspec.Struct, kw_only=True):
    """An event as it is written. `attributes` is JSON of `told`; `weight` about how much memory it holds."""

    session_id: str
    client_id: str
    client_name: str
    tenant: str
    agent: str
    tags: dict[str, str]
    trace: str
    at: datetime
    name: EventName
    level: Level
    span: str
    request_id: str
    model: str
    attributes: str
    bodies: bool
    told: Mapping[str, Any]
    weight: int

    @property
    def key(self) -> Key:
        return self.session_id, self.client_id

    def mark(self) -> tuple[str, str, str, datetime]:
        """What tells it from others of its session, but for results of tools that came together."""
        return self.name.value, self.span, self.request_id, self.at


def write(rows: Sequence[Row], *, again: bool = False) -> None:
    """Writes events, each of a session after the ones before it. `again` says that some may be there already: those are left
    out. Raises database errors."""
    by_key: dict[Key, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    with transaction.atomic():
        sessions = _locked(by_key)
        made: list[SessionEventRow] = []
        for key, session in sessions.items():
            own = by_key[key]
            fresh = _fresh(session, own) if again else own
            for exchange in _exchanges(fresh):
                made += _placed(session, exchange, made)
        SessionEventRow.objects.bulk_create(made)
        SessionRow.objects.bulk_update(sessions.values(), CHANGED)
        SessionLabelRow.objects.bulk_create(_labels(sessions, by_key), ignore_conflicts=True)


def _locked(by_key: Mapping[Key, Sequence[Row]]) -> dict[Key, SessionRow]:
    """The sessions' rows, made where there are none, and locked in an order that is the same for everybody. One that was deleted
    before its end is not made again for that."""
    first = {key: own[0] for key, own in by_key.items() if own[0].name is not EventName.SESSION_END}
    SessionRow.objects.bulk_create(
        [
            SessionRow(session_id=row.session_id, client_id=row.client_id, trace=row.trace, started_at=row.at, last_at=row.at)
            for _, row in sorted(first.items())
        ],
        ignore_conflicts=True,
    )
    found = SessionRow.objects.select_for_update().filter(session_id__in={key[0] for key in by_key}).order_by("pk")
    return {(row.session_id, row.client_id): row for row in found if (row.session_id, row.client_id) in by_key}


def _fresh(session: SessionRow, rows: Sequence[Row]) -> list[Row]:
    """Those that are not there yet."""
    since = min(row.at for row in rows)
    there = Counter(
        SessionEventRow.objects.filter(session=session, at__gte=since).values_list("name", "span", "request_id", "at")
    )
    fresh = []
    for row in rows:
        if there[row.mark()] > 0:
            there[row.mark()] -= 1
        else:
            fresh.append(row)
    return fresh


def _exchanges(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each exchange, which stand together."""
    found: list[list[Row]] = []
    for row in rows:
        if not found or found[-1][-1].request_id != row.request_id:
            found.append([])
        found[-1].append(row)
    return found


def _placed(session: SessionRow, rows: Sequence[Row], before: Sequence[SessionEventRow]) -> list[SessionEventRow]:
    """The events of an exchange with their numbers; none of an end that is none, as others know of more."""
    if rows[0].name is EventName.SESSION_END and _goes_on(session, rows[0]):
        return []
    number = session.events_count + 1
    ended = max(row.at for row in rows)
    if ended < session.last_at and not any(made.session_id == session.pk for made in before):
        number = _opened(session, ended, len(rows)) or number
    for row in rows:
        _count(session, row)
    return [
        SessionEventRow(
            session=session,
            number=number + place,
            at=row.at,
            name=row.name.value,
            level=row.level.value,
            span=row.span,
            request_id=row.request_id,
            model=row.model,
            attributes=row.attributes,
            bodies=row.bodies,
        )
        for place, row in enumerate(rows)
    ]


def _opened(session: SessionRow, ended: datetime, count: int) -> int | None:
    """Makes room for events before the exchanges that ended later; the first of the free numbers."""
    events: QuerySet[SessionEventRow] = SessionEventRow.objects.filter(session=session)
    later = events.filter(at__gt=ended).exclude(request_id="").values_list("request_id", flat=True).distinct()
    first: int | None = events.filter(request_id__in=list(later)).aggregate(first=Min("number"))["first"]
    if first is not None:
        events.filter(number__gte=first).update(number=F("number") + APART)
        events.filter(number__gte=APART).update(number=F("number") - (APART - count))
    return first


def _goes_on(session: SessionRow, row: Row) -> bool:
    """Whether something has happened since the session was last heard of by the one who ends it, or it has ended already."""
    idle = timedelta(milliseconds=float(row.told.get("session.idle_ms", 0)))
    return session.ended_at is not None or session.last_at > row.at - idle + LEEWAY


def _count(session: SessionRow, row: Row) -> None:
    """Adds an event to what is known of its session."""
    session.events_count += 1
    session.started_at = min(session.started_at, row.at)
    session.last_at = max(session.last_at, row.at)
    session.ended_at = row.at if row.name is EventName.SESSION_END else None
    session.bodies = session.bodies or row.bodies
    for field in ("client_name", "tenant", "agent", "model"):
        setattr(session, field, getattr(row, field) or getattr(session, field))
    if row.tags:
        session.tags = msgspec.json.encode(dict([*(_tags(session) | row.tags).items()][-TAGS:])).decode()
    session.tools += row.name is EventName.TOOL_EXECUTION
    session.errors += row.name is EventName.CALL_ERROR
    if row.name in ENDS:
        _count_call(session, row)


def _count_call(session: SessionRow, row: Row) -> None:
    told = row.told
    session.calls += 1
    session.input_tokens += int(told.get("llm.usage.input_tokens", 0))
    session.output_tokens += int(told.get("llm.usage.output_tokens", 0))
    cost = told.get("llm.cost_usd")
    if cost is not None:
        session.cost_usd += Decimal(f"{cost:.9f}")
    elif "llm.usage.input_tokens" in told:
        session.unpriced += 1


def _tags(session: SessionRow) -> dict[str, str]:
    try:
        tags: dict[str, str] = msgspec.json.decode(session.tags, type=dict[str, str])
    except msgspec.MsgspecError:
        return {}
    return tags


def _labels(sessions: Mapping[Key, SessionRow], by_key: Mapping[Key, Sequence[Row]]) -> list[SessionLabelRow]:
    """What the sessions are found by."""
    found: dict[tuple[int, str, str, str], SessionLabelRow] = {}
    for key, session in sessions.items():
        rows = by_key[key]
        labels = {(SessionLabelRow.TAG, name, value) for row in rows for name, value in row.tags.items()}
        labels |= {(SessionLabelRow.MODEL, row.model, "") for row in rows if row.model}
        for kind, name, value in sorted(labels):
            found[session.pk, kind, name, value] = SessionLabelRow(session=session, kind=kind, name=name, value=value)
    return list(found.values())
