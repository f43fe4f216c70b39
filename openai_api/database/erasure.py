"""How is what is known of sessions erased? Events, labels and sessions are deleted; requests forget whose part they were.

Requests stay as rows, with their key, tenant, model, tokens and costs, so that what was spent stays right; their session, agent
and tags are emptied. Everything happens in batches, each a transaction of its own: who writes beside it need not wait, and what
was stopped is begun again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet

from openai_api.models import SessionEventRow, SessionLabelRow, SessionRow, UsageRecord, UsageTag

SESSIONS = 100
"""Sessions in one transaction."""
ROWS = 1000
"""Events, or requests, in one transaction."""
FORGOTTEN: dict[str, None] = {"session": None, "agent": None, "tags": None}
"""What a request no longer says."""
TELLS = Q(session__isnull=False) | Q(agent__isnull=False) | Q(tags__isnull=False)


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased, or would be."""

    sessions: int = 0
    events: int = 0
    requests: int = 0

    def __add__(self, other: Erased) -> Erased:
        return Erased(self.sessions + other.sessions, self.events + other.events, self.requests + other.requests)

    def __str__(self) -> str:
        return f"{counted(self.sessions, 'session')}, {counted(self.events, 'event')}, {counted(self.requests, 'request')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which sessions: those that are all of what is given. `tag` is a name and a value."""

    session: str | None = None
    client_id: str | None = None
    tenant: str | None = None
    agent: str | None = None
    tag: tuple[str, str] | None = None
    before: datetime | None = None

    def sessions(self) -> QuerySet[SessionRow]:
        wanted = {
            "session_id": self.session,
            "client_id": self.client_id,
            "tenant": self.tenant,
            "agent": self.agent,
            "last_at__lt": self.before,
        }
        found = SessionRow.objects.filter(**given(wanted))
        return found if self.tag is None else found.filter(pk__in=with_label(SessionLabelRow.TAG, *self.tag))

    def requests(self) -> QuerySet[UsageRecord]:
        """Those that say something of a session, and are what is given themselves. Of tags only that both words stand in them:
        see `tagged`."""
        wanted = {
            "session": self.session,
            "client_id": self.client_id,
            "tenant": self.tenant,
            "agent": self.agent,
            "started_at__lt": self.before,
        }
        found = UsageRecord.objects.filter(TELLS, **given(wanted))
        for word in self.tag or ():
            found = found.filter(tags__contains=as_json(word))
        return found

    def tagged(self, tags: str | None) -> bool:
        """Whether a request with these tags, JSON, has the one that is asked for."""
        return self.tag is None or tags_of(tags).get(self.tag[0]) == self.tag[1]


def given(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value is not None}


def with_label(kind: str, name: str, value: str | None = None) -> QuerySet[SessionLabelRow, int]:
    """The sessions that have a label; of a tag with any value if `value` is None."""
    found = SessionLabelRow.objects.filter(kind=kind, name=name)
    return (found if value is None else found.filter(value=value)).values_list("session_id", flat=True)


def as_json(text: str) -> str:
    """A text as it stands in the JSON of a request's tags."""
    return msgspec.json.encode(text).decode()


def tags_of(text: str | None) -> dict[str, str]:
    """Tags as they stand in a row; {} for what is none."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def erase(selection: Selection) -> Iterator[Erased]:
    """Erases the sessions of the selection, and what requests that are no part of a session that is known say of it. Tells after
    each batch what it has erased. Raises database errors."""
    yield from erase_sessions(selection.sessions())
    yield from _forget_selected(selection)


def erase_sessions(sessions: QuerySet[SessionRow]) -> Iterator[Erased]:
    """Erases these sessions, oldest first; tells after each batch what it has erased."""
    while rows := list(sessions.order_by("last_at")[:SESSIONS]):
        yield from _delete_events([row.pk for row in rows])
        yield _delete_sessions(rows)


def count(selection: Selection) -> Erased:
    """What would be erased."""
    sessions, last = selection.sessions().order_by("pk"), 0
    found, told = Erased(), {pk for page in _pages(selection) for pk in page}
    while rows := list(sessions.filter(pk__gt=last)[:SESSIONS]):
        last = rows[-1].pk
        found += Erased(len(rows), SessionEventRow.objects.filter(session__in=rows).count())
        told.update(_requests_of(rows).values_list("pk", flat=True))
    return found + Erased(requests=len(told))


def _delete_events(sessions: Sequence[int]) -> Iterator[Erased]:
    """Most of the events, so that the transaction that deletes their sessions is short."""
    events = SessionEventRow.objects.filter(session__in=sessions).order_by("session", "number")
    while chosen := list(events.values_list("pk", flat=True)[:ROWS]):
        yield Erased(events=SessionEventRow.objects.filter(pk__in=chosen).delete()[0])


def _delete_sessions(rows: Sequence[SessionRow]) -> Erased:
    """Also events that were written in the meantime: the rows are locked before they are looked for."""
    chosen = [row.pk for row in rows]
    with transaction.atomic():
        list(SessionRow.objects.select_for_update().filter(pk__in=chosen).order_by("pk").values_list("pk"))
        UsageTag.objects.filter(request__in=_requests_of(rows).filter(tags__isnull=False).values("pk")).delete()
        requests = _requests_of(rows).update(**FORGOTTEN)
        events = SessionEventRow.objects.filter(session__in=chosen).delete()[0]
        SessionLabelRow.objects.filter(session__in=chosen).delete()
        _, deleted = SessionRow.objects.filter(pk__in=chosen).delete()
    return Erased(deleted.get(SessionRow._meta.label, 0), events, requests)


def _requests_of(rows: Sequence[SessionRow]) -> QuerySet[UsageRecord]:
    """The requests of sessions. Where no key is known of a session, none is of its requests."""
    found = Q(pk__in=[])
    for row in rows:
        found |= Q(session=row.session_id) & (Q(client_id=row.client_id) if row.client_id else Q(client_id__isnull=True))
    return UsageRecord.objects.filter(found)


def _forget_selected(selection: Selection) -> Iterator[Erased]:
    for chosen in _pages(selection):
        with transaction.atomic():
            UsageTag.objects.filter(request__in=chosen).delete()
            requests = UsageRecord.objects.filter(pk__in=chosen).update(**FORGOTTEN)
        yield Erased(requests=requests)


def _pages(selection: Selection) -> Iterator[list[UUID]]:
    """The requests that the selection itself names, some at a time."""
    rows, last = selection.requests().order_by("pk"), UUID(int=0)
    while page := list(rows.filter(pk__gt=last).values_list("pk", "tags")[:ROWS]):
        last = page[-1][0]
        if chosen := [pk for pk, tags in page if selection.tagged(tags)]:
            yield chosen


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
