"""How long is a request remembered? Rows that have expired are deleted, some at a time, oldest first; partitions as a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from openai_api.database import partitions, roll_ups
from openai_api.models import UsageRecord, UsageTag

ROWS = 1000
"""Rows in one transaction: a writer that waits for it must not notice."""
EVERY_S = 60.0
log = structlog.stdlib.get_logger("gateway.recording")


def expired(days: float) -> QuerySet[UsageRecord]:
    """The rows of requests that began more than `days` days ago."""
    return UsageRecord.objects.filter(started_at__lt=_before(days))


def _before(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def purge(days: float) -> int:
    """Deletes the oldest expired rows, at most `ROWS`, and says how many there were. Raises database errors."""
    return _delete(expired(days))


def purge_open(days: float) -> int:
    """As `purge`, but leaves rows to the partition that they will be dropped with."""
    if not partitions.partitioned():
        return purge(days)
    return sum(_delete_from(name, _before(days)) for name in partitions.open_ended())


def _delete(rows: QuerySet[UsageRecord]) -> int:
    old = list(rows.order_by("started_at").values_list("pk", "started_at")[:ROWS])
    if old:
        chosen = [pk for pk, _ in old]
        with transaction.atomic():
            UsageTag.objects.filter(request__in=chosen).delete()
            UsageRecord.objects.filter(pk__in=chosen, started_at__range=(old[0][1], old[-1][1])).delete()
    return len(old)


def _delete_from(name: str, before: datetime) -> int:
    """From one partition: its name is one of the database's own."""
    oldest = f"SELECT ctid FROM {name} WHERE started_at < %s ORDER BY started_at LIMIT {ROWS}"  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {name} WHERE ctid IN ({oldest}) RETURNING id", [before])  # noqa: S608
        gone = [row_id for (row_id,) in cursor.fetchall()]
        UsageTag.objects.filter(request__in=gone).delete()
    return len(gone)


def drop(days: float) -> int:
    """Drops the partitions that have expired as a whole; how many rows they had. Raises database errors."""
    dropped = partitions.drop_until(_before(days))
    if dropped:
        UsageTag.objects.filter(at__lt=_before(days)).delete()
    return dropped


class Upkeep:
    """What is done once a minute beside writing: partitions are made, rows and sums that have expired go. One thread calls it."""

    def __init__(self, days: int, roll_up_days: int) -> None:
        self._days = days
        self._roll_up_days = roll_up_days
        self._due = 0.0
        self._said = False

    def work(self) -> None:
        """Does what is due. Raises database errors where the database is away."""
        if monotonic() < self._due:
            return
        self._done(partitions.make_ahead, self._days)
        if self._days:
            self._done(drop, self._days)
        more = bool(self._days) and purge_open(self._days) >= ROWS
        more = roll_ups.purge(self._roll_up_days) >= roll_ups.PURGED or more
        self._due = 0.0 if more else monotonic() + EVERY_S

    def _done(self, change: Callable[[int], Any], days: int) -> None:
        """Changes partitions, or leaves it to the next time: rows have a place anyway."""
        try:
            if found := change(days):
                log.info("partitions of requests", change=change.__name__, result=found)
            self._said = False
        except DatabaseError as error:
            if not connection.is_usable():
                raise
            if not self._said:
                self._said = True
                log.warning("partitions of requests cannot be changed now", change=change.__name__, error=str(error).strip())
