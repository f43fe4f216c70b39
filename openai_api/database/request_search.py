"""Which requests are meant? Plain parameters, as an address or an API has them, become the rows that fit, one page at a time.

Every value is compared exactly, and every name has an index: `docs/admin.md` says which.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from math import isfinite
from types import MappingProxyType
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from openai_api.database.usage_words import tagged, used_by
from openai_api.errors import STOPPED
from openai_api.models import UsageRecord
from openai_api.models.usage import COSTLY_USD, SLOW_MS
from openai_api.recording.rows import CLIENT_CLOSED

LONGEST = 300
"""Characters of a value; no column is longer."""
COUNTED = 10_000
"""Rows that totals are made of."""
PAGE = 50
FAILURE = Q(status__gte=400) | Q(error__isnull=False)
UNUSUAL = Q(status__gt=200) | Q(error__isnull=False)
"""As the condition of an index has it, word for word: SQLite uses it for nothing else."""
AGO = re.compile(r"(\d{1,5})(m|h|d)")
UNITS = MappingProxyType({"m": "minutes", "h": "hours", "d": "days"})
STATUS_CLASS = re.compile(r"([1-5])xx")
Rows = QuerySet[UsageRecord]


class BadSearch(ValueError):
    """Values that cannot be; `faults` says why, by the name of the parameter."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


def moment(text: str) -> datetime:
    """A time as ISO 8601 has it (UTC unless it says otherwise), or how long ago: `30m`, `24h`, `7d`. Raises `ValueError`."""
    if ago := AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("Not a time. Write 2026-11-30T14:00, or how long ago: 30m, 24h, 7d.") from error


def _equal(column: str) -> Callable[[str], Q]:
    return lambda text: Q(**{column: text})


def _since(text: str) -> Q:
    return Q(started_at__gte=moment(text))


def _until(text: str) -> Q:
    return Q(started_at__lt=moment(text))


def _key(text: str) -> Q:
    """By its id, or by the name that it had."""
    try:
        return Q(client_id=str(UUID(text)))
    except ValueError:
        return Q(client_name=text)


def _status(text: str) -> Q:
    if found := STATUS_CLASS.fullmatch(text.lower()):
        first = int(found[1]) * 100
        known = Q(status__gte=first, status__lt=first + 100)
    elif text.isascii() and text.isdecimal() and len(text) == 3:
        first = int(text)
        known = Q(status=first)
    else:
        raise ValueError("Not a status. Write one like 429, or a class: 2xx, 4xx, 5xx.")
    return known if text.startswith("2") and first == 200 else known & UNUSUAL


OUTCOMES: Mapping[str, tuple[str, Q]] = MappingProxyType(
    {
        "served": ("Served", Q(status__lt=400, error__isnull=True, cache__isnull=True)),
        "failed": ("Failed", UNUSUAL & FAILURE & ~Q(status=CLIENT_CLOSED)),
        "left": ("Left by the client", UNUSUAL & Q(status=CLIENT_CLOSED)),
        "cached": ("From the cache", Q(cache__isnull=False)),
        "stopped": ("Stopped by an operator", Q(error=STOPPED)),
    }
)
TESTS: Mapping[str, tuple[str, Q]] = MappingProxyType(
    {
        "hidden": ("Without tests", Q(test=False)),
        "shown": ("With tests", Q()),
        "only": ("Only tests", Q(test=True)),
    }
)


def _chosen(choices: Mapping[str, tuple[str, Q]]) -> Callable[[str], Q]:
    def find(text: str) -> Q:
        if text not in choices:
            raise ValueError(f"Choose one of: {', '.join(choices)}.")
        return choices[text][1]

    return find


def _min_ms(text: str) -> Q:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not isfinite(number) or not 0 <= number < 10**12:
        raise ValueError("Not a number of milliseconds.")
    return Q(total_ms__gte=number) & (Q(total_ms__gte=SLOW_MS) if number >= SLOW_MS else Q())


def _min_cost(text: str) -> Q:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number < 10**9:
        raise ValueError("Not an amount in US dollars.")
    return Q(cost_usd__gte=number.quantize(Decimal("1e-9"))) & (Q(cost_usd__gte=COSTLY_USD) if number >= COSTLY_USD else Q())


def _tag(text: str) -> Q:
    """`name:value`, or a name alone."""
    name, colon, value = text.partition(":")
    return tagged(name.strip(), value.strip() if colon else None)


FILTERS: Mapping[str, Callable[[str], Q]] = MappingProxyType(
    {
        "since": _since,
        "until": _until,
        "key": _key,
        "person": _equal("person"),
        "model": _equal("model"),
        "served": _equal("served_model"),
        "provider": _equal("provider"),
        "status": _status,
        "outcome": _chosen(OUTCOMES),
        "error": _equal("error"),
        "min_ms": _min_ms,
        "min_cost": _min_cost,
        "session": _equal("session"),
        "app": _equal("app"),
        "project": _equal("project"),
        "tenant": _equal("tenant"),
        "request_id": _equal("request_id"),
        "agent": _equal("agent"),
        "tag": _tag,
        "user_agent": used_by,
        "test": _chosen(TESTS),
    }
)
"""What each parameter means; a function of its text, which raises `ValueError` with what is to be said of it."""


def found(given: Mapping[str, str], rows: Rows | None = None) -> Rows:
    """Those of the rows that fit all parameters, newest first; parameters that `FILTERS` does not name, or that are empty, say
    nothing. Tests are left out unless `test` says otherwise. Raises `BadSearch`."""
    wanted, faults = [], {}
    for name, meant in FILTERS.items():
        text = given.get(name, "").strip() or ("hidden" if name == "test" else "")
        try:
            wanted += [meant(_checked(text))] if text else []
        except ValueError as error:
            faults[name] = str(error)
    if faults:
        raise BadSearch(faults)
    rows = UsageRecord.objects.all() if rows is None else rows
    return rows.filter(*wanted).order_by("-started_at", "-id")


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"Longer than {LONGEST} characters: no request has such a value.")
    if "\0" in text:
        raise ValueError("It contains a character (U+0000) that no request has.")
    return text


# Pages


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first; `older` and `newer` are the cursors of the pages beside it, "" where there is none."""

    rows: Sequence[UsageRecord]
    older: str = ""
    newer: str = ""


def cursor_of(row: UsageRecord) -> str:
    """Where a row stands among all: its time and its id, as one word."""
    return urlsafe_b64encode(f"{row.started_at.isoformat()}|{row.pk.hex}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, UUID]:
    """What a cursor says. Raises `ValueError`."""
    if len(cursor) > LONGEST:
        raise ValueError("Not a cursor.")
    try:
        time, _, key = urlsafe_b64decode(cursor.encode("ascii") + b"==").decode().partition("|")
        at, row_id = datetime.fromisoformat(time), UUID(key)
    except ValueError as error:
        raise ValueError("Not a cursor.") from error
    if at.tzinfo is None:
        raise ValueError("Not a cursor.")
    return at, row_id


def page_of(rows: Rows, *, before: str = "", after: str = "", size: int = PAGE) -> Page:
    """The page of `found` rows behind the cursor `before` (older rows), or ahead of `after` (newer ones); the newest without
    either. Costs the same however far back it is. Raises `BadSearch` for what is no cursor."""
    name, cursor = ("after", after) if after else ("before", before)
    try:
        beyond = _beyond(cursor, newer=bool(after)) if cursor else Q()
    except ValueError as error:
        raise BadSearch({name: str(error)}) from error
    order = ("started_at", "id") if after else ("-started_at", "-id")
    read = list(rows.filter(beyond).order_by(*order)[: size + 1])
    shown, more = read[:size], len(read) > size
    if after:
        shown.reverse()
    if not shown:
        return Page([])
    has_newer, has_older = (more, True) if after else (bool(before), more)
    return Page(shown, cursor_of(shown[-1]) if has_older else "", cursor_of(shown[0]) if has_newer else "")


def _beyond(cursor: str, *, newer: bool) -> Q:
    at, row_id = place_of(cursor)
    if newer:
        return Q(started_at__gte=at) & (Q(started_at__gt=at) | Q(id__gt=row_id))
    return Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(id__lt=row_id))


# Totals


@dataclass(frozen=True, slots=True)
class Totals:
    """What found rows amount to. With `more` these are the newest `COUNTED`, and there may be others. `uncosted` have no
    price."""

    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    uncosted: int = 0
    more: bool = False


def totals(rows: Rows) -> Totals:
    """Adds up `found` rows, no further than `COUNTED`."""
    made = rows.values("status", "error", "input_tokens", "output_tokens", "cost_usd")[:COUNTED].aggregate(
        requests=Count("*"),
        errors=Count("status", filter=FAILURE & ~Q(status=CLIENT_CLOSED)),
        tokens_in=Sum("input_tokens"),
        tokens_out=Sum("output_tokens"),
        cost=Sum("cost_usd"),
        uncosted=Count("status", filter=Q(cost_usd__isnull=True)),
    )
    return Totals(
        made["requests"],
        made["errors"],
        made["tokens_in"] or 0,
        made["tokens_out"] or 0,
        made["cost"] or Decimal(0),
        made["uncosted"],
        more=made["requests"] == COUNTED,
    )
