"""What does the page of a session show? Its timeline, some events at a time, and what has come since as long as it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Case, F, Max, Min, Q, TextField, Value, When
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse

from openai_api.admin import figures
from openai_api.admin.said import as_json
from openai_api.admin.timeline import Entry, Event, answers, entries, event_of
from openai_api.database.erasure import tags_of
from openai_api.models import SessionEventRow, SessionRow, UsageRecord
from openai_api.observing.session_event import EventName

EVENTS = 100
"""Events on a page."""
AHEAD = 100
"""Events after those of a page among which their ends are looked for."""
LARGEST = 256 * 1024
"""Characters of attributes above which a page does not read them: the page of the event does."""
BODIES = "openai_api.view_session_bodies"
REQUESTS = "openai_api.view_usagerecord"
KEYS = "models_catalog.view_clientkey"
PARTS = frozenset({EventName.CALL_FINISH, EventName.CALL_ERROR, EventName.TOOL_RESULT})
"""Events that end another one."""


@dataclass(frozen=True, slots=True)
class Window:
    """The events of a page: from the number `start` on; `first` and `last` are the session's own."""

    start: int
    first: int
    last: int

    @property
    def to(self) -> int:
        return min(self.start + EVENTS - 1, self.last)

    @property
    def before(self) -> int | None:
        """Where the page before begins."""
        return max(self.start - EVENTS, self.first) if self.start > self.first else None

    @property
    def after(self) -> int | None:
        return self.to + 1 if self.to < self.last else None

    @property
    def end(self) -> int:
        """Where the last page begins."""
        return self.first + (self.last - self.first) // EVENTS * EVENTS


def window_of(row: SessionRow, asked: str | None) -> Window:
    """The page that is asked for by the number of its first event; without one the newest page of a session that runs, and the
    oldest of one that has ended."""
    found = SessionEventRow.objects.filter(session=row).aggregate(first=Min("number"), last=Max("number"))
    first, last = found["first"] or 1, found["last"] or 0
    window = Window(first, first, last)
    number = int(asked) if asked and asked.isdecimal() and len(asked) < 10 else None
    if number is None:
        return Window(window.end, first, last) if row.ended_at is None and last else window
    return Window(min(max(number, first), max(last, first)), first, last)


def events_of(row: SessionRow, wanted: Q, most: int, *, may_read: bool) -> list[Event]:
    """Events of a session, in order; attributes that are too large are left in the database."""
    size = Length("attributes")
    small = Case(When(size__lte=LARGEST, then=F("attributes")), default=Value(None), output_field=TextField(null=True))
    rows = SessionEventRow.objects.filter(wanted, session=row).order_by("number").annotate(size=size, small=small)
    return [event_of(one, getattr(one, "small"), may_read=may_read) for one in rows.defer("attributes")[:most]]  # noqa: B009


def timeline(request: HttpRequest, row: SessionRow, start: int) -> list[Entry]:
    """What stands on the page that begins with that event. Ends on the page after are part of it; they are seen again there."""
    may_read = request.user.has_perm(BODIES)
    events = events_of(row, Q(number__gte=start), EVENTS, may_read=may_read)
    last = events[-1].number if events else start - 1
    ahead = events_of(row, Q(number__gt=last, number__lte=last + AHEAD, name__in=PARTS), AHEAD, may_read=may_read)
    made = entries([*events, *ahead], row.started_at, requests_of(row, [*events, *ahead]))
    return [entry for entry in made if entry.first.number <= last]


def newest(row: SessionRow) -> int:
    """What was written last of a session."""
    return SessionEventRow.objects.filter(session=row).aggregate(last=Max("pk"))["last"] or 0


def changed(request: HttpRequest, row: SessionRow, after: int) -> tuple[list[Entry], int]:
    """What has begun or ended in events that were written after `after`, and which of them was written last."""
    may_read = request.user.has_perm(BODIES)
    chosen = SessionEventRow.objects.filter(session=row, pk__gt=after).order_by("pk").values_list("pk", flat=True)[:EVENTS]
    new = events_of(row, Q(pk__in=list(chosen)), EVENTS, may_read=may_read)
    if not new:
        return [], after
    before = Q(number__gte=new[0].number - AHEAD, number__lt=new[-1].number, pk__lte=after)
    old = events_of(row, before, AHEAD + EVENTS, may_read=may_read) if ends(new) else []
    seen = sorted([*old, *new], key=lambda event: event.number)
    made = entries(seen, row.started_at, requests_of(row, seen))
    return [entry for entry in made if any(event.pk > after for event in entry.events)], max(event.pk for event in new)


def ends(events: Iterable[Event]) -> bool:
    return any(True for event in events for _ in answers(event))


def requests_of(row: SessionRow, events: Iterable[Event]) -> dict[str, UsageRecord]:
    """The rows of the requests that the events were part of, as far as they are written."""
    wanted = {event.request_id for event in events if event.request_id}
    rows = UsageRecord.objects.filter(request_id__in=wanted, client_id=row.client_id or None)
    return {found.request_id: found for found in rows}


def context(request: HttpRequest, row: SessionRow) -> dict[str, Any]:
    """What the page is made from."""
    last = newest(row)
    window = window_of(row, request.GET.get("from"))
    return {
        **head(request, row),
        "window": window,
        "entries": timeline(request, row, window.start),
        "newest": last,
        "live_url": reverse("admin:openai_api_sessionrow_live", args=[row.pk]) if row.ended_at is None else "",
        "follows": row.ended_at is None and window.after is None,
        "may_read": request.user.has_perm(BODIES),
        "never": settings.GATEWAY_EVENTS_BODIES == "off",
    }


def head(request: HttpRequest, row: SessionRow) -> dict[str, Any]:
    """What stands above the timeline, and what each of its entries needs."""
    return {
        "row": row,
        "live": row.ended_at is None,
        "tags": sorted(tags_of(row.tags).items()),
        "models": sorted({label.name for label in row.labels.filter(kind="model")[:20]} | ({row.model} if row.model else set())),
        "numbers": numbers(row),
        "list_url": reverse("admin:openai_api_sessionrow_changelist"),
        "may_requests": request.user.has_perm(REQUESTS),
        "key_url": key_url(request, row),
    }


def numbers(row: SessionRow) -> dict[str, str]:
    return {
        "calls": figures.number(row.calls),
        "tools": figures.number(row.tools),
        "input": figures.number(row.input_tokens),
        "output": figures.number(row.output_tokens),
        "cost": figures.usd(row.cost_usd),
        "errors": figures.number(row.errors),
        "lasted": figures.duration((row.last_at - row.started_at).total_seconds() * 1000),
    }


def key_url(request: HttpRequest, row: SessionRow) -> str:
    if len(row.client_id) != 36 or not request.user.has_perm(KEYS):
        return ""
    return reverse("admin:models_catalog_clientkey_change", args=[row.client_id])


def live(request: HttpRequest, row: SessionRow) -> HttpResponse:
    """What the page's script asks for: entries to put into their places, and the head anew."""
    asked = request.GET.get("after", "")
    after = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
    found, last = changed(request, row, after)
    shared = head(request, row)
    told = [
        {"key": entry.key, "html": render_to_string("openai_api/session_entry.html", {**shared, "entry": entry}, request)}
        for entry in found
    ]
    answer = {
        "entries": told,
        "newest": last,
        "head": render_to_string("openai_api/session_head.html", shared, request),
        "live": row.ended_at is None,
    }
    return uncached(JsonResponse(answer))


def event_json(request: HttpRequest, event: SessionEventRow) -> HttpResponse:
    """A whole event, as JSON to be read; without what was said for those who may not see it."""
    told = event_of(event, event.attributes, may_read=request.user.has_perm(BODIES))
    line = {
        "number": event.number,
        "timestamp": event.at.isoformat(),
        "name": event.name,
        "level": event.level,
        "span_id": event.span,
        "session_id": event.session.session_id,
        "request_id": event.request_id,
        "attributes": dict(told.attributes or {}),
    }
    return uncached(HttpResponse(as_json(line), content_type="application/json"))


def uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
