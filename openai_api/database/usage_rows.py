"""How do usage rows reach the database? In one statement a batch, by a sink that spools them while it is away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction

from openai_api.database import roll_ups
from openai_api.database.last_used import LastUsed
from openai_api.database.usage_purge import Upkeep
from openai_api.database.usage_words import write_tags
from openai_api.models import UsageRecord
from openai_api.recording.batches import Batch
from openai_api.recording.rows import COLUMNS, UsageRow, row_of
from openai_api.recording.spool import Spool, SpoolFull

log = structlog.stdlib.get_logger("gateway.recording")
STARTED_AT, COST = COLUMNS.index("started_at"), COLUMNS.index("cost_usd")
FLAGS = tuple(COLUMNS.index(field.name) for field in msgspec.structs.fields(UsageRow) if field.type is bool)
REFUSED = (DataError, IntegrityError, ValueError, OverflowError)
"""What the database says of a row that it will never take."""
AWAY = (DatabaseError, InterfaceError, OSError)
AGAIN_S = 1.0
REPLAY_S = 0.5
HELD_ROWS = 20_000
"""Rows that wait in memory while neither the database nor the disk takes any: on SQLite both are the same full disk."""


class DatabaseSink:
    """Writes records; `write` is used by one thread. `lost` counts rows that neither database, disk nor memory could take.
    Rows are deleted after `days` days and sums after `roll_up_days`, never if that is 0."""

    def __init__(self, spool: Spool[UsageRow], days: int = 0, roll_up_days: int = 0) -> None:
        self.lost = 0
        self.takes = None
        self._spool = spool
        self._upkeep = Upkeep(days, roll_up_days)
        self._held: list[UsageRow] = []
        self._away = self._full = False
        self._again = 0.0
        self._used = LastUsed()

    @property
    def held(self) -> int:
        return len(self._held)

    def write(self, batches: Sequence[Batch]) -> None:
        """Writes what is recorded, and what waits on disk and in memory; keeps it there while the database is away."""
        rows = [*self._held, *rows_of(batches)]
        if self._away and monotonic() < self._again:
            self._keep(rows)
            return
        try:
            self._insert(rows)
            self._held = []
            self._replay()
            self._used.note(rows)
            self._used.write()
            self._upkeep.work()
        except AWAY as error:
            self._lose(error)
            self._keep(rows)  # also those that the database has: it knows them by their id

    def spill(self, batches: Sequence[Batch]) -> bool:
        """Keeps on disk what a stuck database does not take. What is held goes along once, and not with each batch; the stuck
        write may insert it as well, which is harmless: rows are known by their id."""
        held, self._held = self._held, []
        if self._spooled([*held, *rows_of(batches)]):
            return True
        self._held = held
        return False

    def close(self) -> None:
        """Gives the thread's connection back, and the spool to whoever replays it. Rows still in memory are lost."""
        if self._held and not self._spooled(self._held):
            self.lost += len(self._held)
            log.error("usage rows are lost: neither the database nor the disk takes them", rows=len(self._held))
        self._spool.close()
        if not self._away:
            self._used.write(now=True)
        connection.close()

    def _insert(self, rows: Sequence[UsageRow]) -> None:
        """Inserts rows, all but those that the database refuses: they must not hold up the others."""
        if rows and (refused := insert_on_living(rows)):
            self.lost += len(refused)
            ids = [row.request_id for row in refused[:10]]
            log.error("the database rejects usage rows: they are lost", rows=len(refused), request_ids=ids)

    def _replay(self) -> None:
        if not self._spool.waiting():
            self._works()
            return
        replayed = self._spool.replay(self._insert, REPLAY_S)
        self._works()
        if replayed.taken:
            log.info("usage rows replayed", rows=replayed.taken)
        if replayed.unreadable:
            self.lost += replayed.unreadable
            log.error("spooled usage rows cannot be read: they are lost", rows=replayed.unreadable)

    def _works(self) -> None:
        if self._away:
            self._away = False
            log.info("usage rows are written again")

    def _lose(self, error: Exception) -> None:
        self._again = monotonic() + AGAIN_S
        connection.close()
        if not self._away:
            self._away = True
            log.error("usage rows cannot be written: kept until the database is back", error=type(error).__name__)

    def _keep(self, rows: list[UsageRow]) -> None:
        """On disk, else in memory, the latest ones; a full disk is asked again no sooner than the database."""
        if not (self._full and monotonic() < self._again) and self._spooled(rows):
            self._held = []
            return
        self._held = rows[-HELD_ROWS:]
        lost = len(rows) - len(self._held)
        if lost and not self.lost:
            log.error("usage rows are lost: there is no room on disk and in memory", rows=lost)
        self.lost += lost

    def _spooled(self, rows: Sequence[UsageRow]) -> bool:
        try:
            if rows:
                self._spool.append(rows)
        except (SpoolFull, OSError) as failure:
            if not self._full:
                self._full = True
                log.error("no disk space for usage rows: they are kept in memory", error=type(failure).__name__)
            return False
        self._full = False
        return True


def rows_of(batches: Sequence[Batch]) -> list[UsageRow]:
    """The rows of those requests that a known key made, or that reached an upstream."""
    return [
        row_of(record, batch.row_id(place))
        for batch in batches
        for place, record in enumerate(batch.records)
        if record.client_id or record.attempts
    ]


def insert(rows: Sequence[UsageRow]) -> None:
    """Inserts rows, and counts them in the roll-ups; those whose id is there already are left alone. Raises database errors."""
    if not rows:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            ids = roll_ups.insert_and_add(cursor, _from_json(), [msgspec.json.encode(rows).decode()], rows)
            new = rows if len(ids) == len(rows) else [row for row in _once(rows) if UUID(row.id) in ids]
            counted = new is rows
        else:
            new, counted = _unknown(cursor, rows), False
            cursor.executemany(_by_values(), [_values(row) for row in new])
        write_tags(cursor, new)
        if not counted:
            roll_ups.add(new)


def _once(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """One row for each id."""
    return list({row.id: row for row in reversed(list(rows))}.values())[::-1]


def _unknown(cursor: Any, rows: Sequence[UsageRow]) -> list[UsageRow]:
    """Those rows that are not there. Nobody else writes in the meantime: SQLite's transactions begin as writers."""
    table = connection.ops.quote_name(UsageRecord._meta.db_table)
    known = f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(%s))"  # noqa: S608 - names only
    cursor.execute(known, [msgspec.json.encode([row.id for row in rows]).decode()])
    there = {found for (found,) in cursor.fetchall()}
    return [row for row in _once(rows) if row.id not in there]


@cache
def _from_json() -> str:
    """All rows are one JSON value, which PostgreSQL takes apart: that takes a third of the time of a statement a row here, and
    half the time in all. SQLite would need four times as long."""
    quote = connection.ops.quote_name
    fields = {field.column: field for field in UsageRecord._meta.concrete_fields}
    types = {name: fields[name].db_type(connection) for name in COLUMNS} | {"started_at": "double precision"}
    columns = ", ".join(f"{quote(name)} {kind}" for name, kind in types.items())
    values = ", ".join("to_timestamp(started_at)" if name == "started_at" else quote(name) for name in COLUMNS)
    return f"{_into()} SELECT {values} FROM json_to_recordset(%s::json) AS told({columns}) ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608 - names only


@cache
def _by_values() -> str:
    marks = ", ".join(["%s"] * len(COLUMNS))
    return f"{_into()} VALUES ({marks}) ON CONFLICT DO NOTHING"


def _into() -> str:
    quote = connection.ops.quote_name
    return f"INSERT INTO {quote(UsageRecord._meta.db_table)} ({', '.join(map(quote, COLUMNS))})"


def insert_on_living(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """As `insert_accepted`, and once more when the kept connection has died, perhaps in an outage that is long over."""
    kept = connection.connection
    try:
        return insert_accepted(rows)
    except AWAY:
        if not getattr(kept, "closed", False):
            raise
        connection.close()
        return insert_accepted(rows)


def insert_accepted(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """Inserts rows and returns those that the database refuses, found by halving. Raises database errors of other kinds."""
    try:
        insert(rows)
    except REFUSED:
        middle = len(rows) // 2
        return insert_accepted(rows[:middle]) + insert_accepted(rows[middle:]) if middle else _insert_again(rows)
    return []


def _insert_again(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """A row is also refused that was on its way to the rest while its partition was made."""
    try:
        insert(rows)
    except REFUSED:
        return list(rows)
    return []


def _values(row: UsageRow) -> list[Any]:
    values: list[Any] = list(msgspec.structs.astuple(row))
    for place in FLAGS:
        values[place] = int(values[place])  # SQLite's own type: for any other the driver looks for an adapter, 1 µs each
    values[STARTED_AT] = datetime.fromtimestamp(row.started_at, UTC).replace(tzinfo=None).isoformat(" ")
    if row.cost_usd is not None:
        values[COST] = f"{row.cost_usd:.9f}"
    return values
