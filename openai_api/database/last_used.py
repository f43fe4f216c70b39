"""When was each key used last? Written once a minute at most, for many keys at once, and past the catalog's version: no worker
reads the catalog anew because a key was used."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

import structlog
from django.db import DatabaseError, connection, transaction

from openai_api.recording.rows import UsageRow

EVERY_S = 60.0
AT_ONCE = 300
UPDATE = "UPDATE models_catalog_clientkey SET last_used_at = %s WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)"
"""Past the manager, whose writes raise the version; the recorder's process does not know the catalog's models."""
REFUSED = 401

log = structlog.stdlib.get_logger("gateway.recording")


class LastUsed:
    """Gathers the moments of requests by key. Used by one thread."""

    def __init__(self) -> None:
        self._moments: dict[uuid.UUID, float] = {}
        self._due = 0.0

    def note(self, rows: Sequence[UsageRow]) -> None:
        """Takes in requests. One that was refused for its key has not used it."""
        for row in rows:
            if row.client_id and row.status != REFUSED and (pk := _uuid(row.client_id)) is not None:
                self._moments[pk] = max(row.started_at, self._moments.get(pk, 0.0))

    def write(self, *, now: bool = False) -> None:
        """Writes what is due. What the database does not take now is written by a later use."""
        if not self._moments or (monotonic() < self._due and not now):
            return
        self._due = monotonic() + EVERY_S
        moments, self._moments = sorted(self._moments.items()), {}
        try:
            for number in range(0, len(moments), AT_ONCE):
                _store(dict(moments[number : number + AT_ONCE]))
        except DatabaseError as error:
            log.warning("the last use of keys could not be written", error=type(error).__name__)


def _store(moments: dict[uuid.UUID, float]) -> None:
    native = connection.features.has_native_uuid_field
    values = []
    for pk, moment in moments.items():
        used = connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(moment, UTC))
        values.append((used, pk if native else pk.hex, used))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(UPDATE, values)


def _uuid(text: str) -> uuid.UUID | None:
    """None for callers that are no keys of the catalog."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
