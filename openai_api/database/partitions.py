"""Where are the rows of requests on PostgreSQL? In a partition for each stretch of time, made ahead and dropped as a whole.

The first one holds all that was before there were partitions. `_rest` takes what no other is there for, so that no row is ever
refused; a partition that is made later takes its rows out of it. SQLite has one table, and nothing here does anything there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from openai_api.models import UsageRecord

TABLE = UsageRecord._meta.db_table
REST = f"{TABLE}_rest"
LOCK = 0x5369676E616D
AHEAD = timedelta(days=7)
"""How long before its first row a partition is made."""
LOCK_S = 0.5
"""How long a change waits for those who read: whoever comes after it waits, too. It is tried again a minute later."""
LISTED = """
    SELECT name.relname, pg_get_expr(name.relpartbound, name.oid), pg_total_relation_size(name.oid)
    FROM pg_inherits JOIN pg_class AS name ON name.oid = inhrelid WHERE inhparent = to_regclass(%s) ORDER BY 1
"""
BOUND = re.compile(r"\((MINVALUE|'[^']+')\) TO \('([^']+)'\)")
DAYS_APART, WEEKS_APART = 31, 200
"""Up to how many days of retention a partition is a day, and a week; a month above. A row outlives its time by no more."""


class Partition(NamedTuple):
    """From `start` up to `end`; `start` is None where it has no beginning, both for what no other holds. `size` is in bytes."""

    name: str
    start: datetime | None
    end: datetime | None
    size: int


def partitioned() -> bool:
    return connection.vendor == "postgresql"


def partitions() -> list[Partition]:
    """All that there are, oldest first. Raises database errors."""
    if not partitioned():
        return []
    with connection.cursor() as cursor:
        cursor.execute(LISTED, [TABLE])
        found = [_partition(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: one.end or datetime.max.replace(tzinfo=UTC))


def _partition(name: str, bound: str, size: int) -> Partition:
    told = BOUND.search(bound)
    if told is None:
        return Partition(name, None, None, size)
    start = None if told[1] == "MINVALUE" else datetime.fromisoformat(told[1].strip("'"))
    return Partition(name, start, datetime.fromisoformat(told[2]), size)


def end_of(moment: datetime, days: int) -> datetime:
    """Where a partition ends that holds the moment, if rows are kept for `days` days (0: for ever)."""
    day = midnight(moment)
    if 0 < days <= DAYS_APART:
        return day + timedelta(days=1)
    if 0 < days <= WEEKS_APART:
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def make_ahead(days: int) -> list[str]:
    """Makes the partitions of the next days; says which. Raises database errors; `OperationalError` where others hold it up."""
    if not partitioned():
        return []
    made: list[str] = []
    today = midnight(datetime.now(UTC))
    start = _known_until(today)
    if start >= today + AHEAD:
        return made
    with transaction.atomic(), connection.cursor() as cursor:
        _take_turns(cursor)
        start = _known_until(today)
        while start < today + AHEAD:
            end = end_of(start, days)
            made.append(_make(cursor, start, end))
            start = end
    return made


def _known_until(today: datetime) -> datetime:
    return max([today, *(one.end for one in partitions() if one.end is not None)])


def _take_turns(cursor: Any) -> None:
    """Waits for no reader, and for nobody else who makes or drops partitions, for long."""
    cursor.execute(f"SET LOCAL lock_timeout = '{int(LOCK_S * 1000)}ms'")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _make(cursor: Any, start: datetime, end: datetime) -> str:
    """Nothing is written to the rest meanwhile: a row that goes there would belong here."""
    name = f"{TABLE}_{start:%Y%m%d}_{end:%Y%m%d}"
    bounds = [f"{one:%Y-%m-%dT00:00:00Z}" for one in (start, end)]
    moved = f"DELETE FROM {REST} WHERE started_at >= %s AND started_at < %s RETURNING *"  # noqa: S608 - names only
    cursor.execute(f"LOCK TABLE ONLY {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")
    cursor.execute(f"LOCK TABLE {REST} IN ACCESS EXCLUSIVE MODE")
    cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)")
    cursor.execute(f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved", bounds)  # noqa: S608
    cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", bounds)
    return name


def drop_until(moment: datetime) -> int:
    """Drops the partitions that end by then, and says how many rows they had. Raises database errors, `OperationalError` where it
    would have to wait."""
    dropped = 0
    for one in [one for one in partitions() if one.end is not None and one.end <= moment]:
        with transaction.atomic(), connection.cursor() as cursor:
            _take_turns(cursor)
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [one.name])
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(f"SELECT count(*) FROM {one.name}")  # noqa: S608 - names only
            dropped += cursor.fetchone()[0]
            cursor.execute(f"DROP TABLE {one.name}")
    return dropped


def open_ended() -> list[str]:
    """Those that have no beginning, and are not dropped for long."""
    return [one.name for one in partitions() if one.start is None]
