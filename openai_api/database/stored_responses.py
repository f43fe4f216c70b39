"""How are responses kept in the database? Compressed, until they expire."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from openai_api.database.threads import DatabaseThreads
from openai_api.models import StoredResponseRow
from openai_api.responses.store import NoMemory, StoredResponse

PURGE_ROWS = 1000


class DatabaseResponses(NoMemory):
    """The store of a process. `days` is how long a response is kept."""

    def __init__(self, threads: DatabaseThreads, days: float) -> None:
        self._threads = threads
        self._keep = timedelta(days=days)

    async def put(self, response: StoredResponse) -> None:
        await self._threads.run(lambda: new_row(response, self._keep).save(force_insert=True))

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return await self._threads.run(lambda: _get(response_id, owner))

    async def delete(self, response_id: str, owner: str) -> bool:
        return await self._threads.run(lambda: bool(mine(response_id, owner).delete()[0]))


def new_row(response: StoredResponse, keep: timedelta) -> StoredResponseRow:
    """The row of a response, not saved yet."""
    created = datetime.fromtimestamp(response.created_at, UTC)
    return StoredResponseRow(
        id=response.id,
        owner=response.owner,
        model=response.model,
        items=zlib.compress(response.items, 1),
        body=zlib.compress(response.body, 1),
        status=response.status,
        created_at=created,
        expires_at=created + keep,
    )


def purge() -> int:
    """Deletes responses that have expired, the first thousand of them, and says how many there were."""
    expired = StoredResponseRow.objects.filter(expires_at__lt=datetime.now(UTC)).values_list("pk", flat=True)
    old = list(expired[:PURGE_ROWS])
    StoredResponseRow.objects.filter(pk__in=old).delete()
    return len(old)


def mine(response_id: str, owner: str) -> QuerySet[StoredResponseRow]:
    """The row of that id, if it is that owner's and has not expired."""
    return StoredResponseRow.objects.filter(pk=response_id, owner=owner, expires_at__gte=datetime.now(UTC))


def stored_of(row: StoredResponseRow) -> StoredResponse:
    """What a row says."""
    items, body = zlib.decompress(row.items), zlib.decompress(row.body)
    created = row.created_at.timestamp()
    return StoredResponse(row.id, row.owner, row.model, items, body, created, row.status, row.streamed)


def _get(response_id: str, owner: str) -> StoredResponse | None:
    row = mine(response_id, owner).first()
    return None if row is None else stored_of(row)
