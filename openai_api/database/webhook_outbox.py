"""How do webhook messages get into the table of jobs? Many at once, as long as there is room for them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, InterfaceError, connection

from openai_api.errors import StoreUnavailable
from openai_api.interceptors.webhook.outbox import KIND, Message
from openai_api.jobs.job import ACTIVE, State, Write
from openai_api.models import JobRow

KEPT = timedelta(days=7)
"""How long a message that nobody takes may wait, and how long it is known that it was given up."""
DELIVERED = timedelta(days=1)
"""How long it is known that a message was taken."""


class DatabaseOutbox:
    """Messages as jobs of the kind "webhook". Belongs to the threads of observers, each with a connection of its own."""

    def put(self, messages: Sequence[Message], most: int) -> int:
        try:
            room = most - JobRow.objects.filter(kind=KIND, state__in=ACTIVE).count()
            rows = [_row(message) for message in messages[: max(room, 0)]]
            JobRow.objects.bulk_create(rows, ignore_conflicts=True)
        except (DatabaseError, InterfaceError, OSError) as error:
            connection.close()
            raise StoreUnavailable from error
        return len(rows)


def forget(job_id: str) -> Write:
    """What is written beside the end of the job of a message that was taken."""

    def write() -> None:
        JobRow.objects.filter(pk=job_id).update(expires_at=datetime.now(UTC) + DELIVERED)

    return write


def _row(message: Message) -> JobRow:
    created = datetime.fromtimestamp(message.at, UTC)
    return JobRow(
        id=message.id,
        kind=KIND,
        owner=message.owner,
        payload=zlib.compress(message.payload, 1),
        state=State.QUEUED,
        created_at=created,
        expires_at=created + KEPT,
    )
