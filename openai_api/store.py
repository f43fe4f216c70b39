"""How do usage rows reach the database? In one statement a batch, by a sink that spools them while it is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from openai_api.models import UsageRecord
from openai_api.recording.events import Record
from openai_api.recording.rows import COLUMNS, UsageRow, row_of
from openai_api.recording.spool import Spool, SpoolFull

log = structlog.stdlib.get_logger("gateway.recording")
STARTED_AT, COST = COLUMNS.index("started_at"), COLUMNS.index("cost_usd")
AWAY = (DatabaseError, InterfaceError, OSError)


class DatabaseSink:
    """Writes records; used by one thread at a time. `lost` counts rows that neither database nor disk could take."""

    def __init__(self, spool: Spool) -> None:
        self.lost = 0
        self._spool = spool
        self._away = False

    def write(self, records: Sequence[Record]) -> None:
        """Writes what is recorded, or keeps it on disk and writes it later, once."""
        rows = rows_of(records)
        try:
            if self._spool.waiting():
                replayed = self._spool.replay(insert)
                log.info("usage rows replayed", rows=replayed)
            if rows:
                insert(rows)
        except AWAY as error:
            self._keep(rows, error)
        else:
            self._away = False

    def spill(self, records: Sequence[Record]) -> bool:
        """Keeps on disk what a stuck database does not take."""
        return self._spooled(rows_of(records))

    def close(self) -> None:
        """Gives the thread's connection back, and the spool to whoever replays it."""
        self._spool.close()
        connection.close()

    def _keep(self, rows: Sequence[UsageRow], error: Exception) -> None:
        connection.close()
        if not self._away:
            self._away = True
            log.error("usage rows cannot be written and wait on disk", error=type(error).__name__)
        if not self._spooled(rows):
            self.lost += len(rows)

    def _spooled(self, rows: Sequence[UsageRow]) -> bool:
        try:
            if rows:
                self._spool.append(rows)
        except (SpoolFull, OSError) as failure:
            log.error("usage rows are lost", rows=len(rows), error=type(failure).__name__)
            return False
        return True


def rows_of(records: Sequence[Record]) -> list[UsageRow]:
    """The rows of those requests that a known key made, or that reached an upstream."""
    return [row_of(record) for record in records if record.client_id or record.attempts]


def insert(rows: Sequence[UsageRow]) -> None:
    """Inserts rows; those whose id is there already are left alone. Raises database errors."""
    quote = connection.ops.quote_name
    names = ", ".join(quote(name) for name in COLUMNS)
    marks = ", ".join(["%s"] * len(COLUMNS))
    statement = f"INSERT INTO {quote(UsageRecord._meta.db_table)} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - names only
    values = [_values(row) for row in rows]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _values(row: UsageRow) -> list[Any]:
    values = list(msgspec.structs.astuple(row))
    started = datetime.fromtimestamp(row.started_at, UTC)
    values[STARTED_AT] = started if connection.features.has_native_uuid_field else started.replace(tzinfo=None).isoformat(" ")
    if row.cost_usd is not None:
        values[COST] = f"{row.cost_usd:.9f}"
    return values
