"""What do the rows of a day amount to, counted anew? For those that were recorded before there were roll-ups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min

from openai_api.database.roll_up_rows import lock, store
from openai_api.database.roll_ups import HOURS_KEPT, MINUTES_KEPT, Dimension, KnownNames, Span, fold
from openai_api.models import UsageRecord, UsageRollUp
from openai_api.recording.rows import UsageRow

DAY = timedelta(days=1)
ROWS = 2000
"""Rows that are read and counted at once."""
READ = (
    "started_at", "status", "client_id", "client_name", "model", "served_model", "provider", "tries", "error", "input_tokens",
    "output_tokens", "cached_tokens", "cost_usd", "first_byte_ms", "gateway_ms", "total_ms", "tenant", "project", "person", "app",
    "cache",
)  # fmt: skip
UNREAD: dict[str, Any] = {
    "id": "",
    "request_id": "",
    "method": "",
    "path": "",
    "upstream_model": None,
    "attempts": "",
    "stream": False,
    "client_aborted": False,
    "reasoning_tokens": None,
    "estimated": False,
    "upstream_ms": 0.0,
}
"""What is not counted of a row."""


def days() -> Iterator[datetime]:
    """The days (UTC) of which there may be rows, oldest first."""
    ends = UsageRecord.objects.aggregate(first=Min("started_at"), last=Max("started_at"))
    if ends["first"] is None:
        return
    day = ends["first"].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= ends["last"]:
        yield day
        day += DAY


def again(day: datetime) -> int | None:
    """Counts the rows of a day in the place of its roll-ups, and says how many there were; None where the roll-ups count more
    requests than there still are rows of: they stay. Requests that end meanwhile wait, and are counted after it. Raises database
    errors."""
    end = day + DAY
    with transaction.atomic(), connection.cursor() as cursor:
        lock(cursor)
        rows = UsageRecord.objects.filter(started_at__gte=day, started_at__lt=end)
        stored = UsageRollUp.objects.filter(dimension__in=list(Dimension), at__gte=day, at__lt=end)
        number = rows.count()
        if any(one.requests > number for one in stored.filter(span=Span.DAY, dimension=Dimension.TOTAL)):
            return None
        stored.filter(span__in=list(Span)).delete()
        known, now = KnownNames(), datetime.now(UTC)
        since = {Span.MINUTE: (now - MINUTES_KEPT).timestamp(), Span.HOUR: (now - HOURS_KEPT).timestamp()}
        told = map(row_of_values, rows.order_by("started_at").values(*READ).iterator(ROWS))
        while some := list(islice(told, ROWS)):
            found = fold(some, known)
            store(cursor, {key: amounts for key, amounts in found.items() if key.at >= since.get(Span(key.span), 0)})
        return number


def row_of_values(values: dict[str, Any]) -> UsageRow:
    """A stored row as roll-ups count it: what else it says is left out."""
    cost = values["cost_usd"]
    told = {"started_at": values["started_at"].timestamp(), "cost_usd": None if cost is None else float(cost)}
    return UsageRow(**(UNREAD | {name: values[name] for name in READ} | told))
