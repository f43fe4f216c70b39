"""How are responses kept in the database? Compressed, until they expire.

That of a response in the background has the id of its job, which tells its status until it has ended.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from openai_api.database.stored_jobs import PURGE_ROWS, delete_jobs
from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.job import State, Write
from openai_api.models import JobRow, StoredResponseRow
from openai_api.responses.store import NoMemory, StoredResponse

QUEUED, IN_PROGRESS = "queued", "in_progress"


class DatabaseResponses(NoMemory):
    """The store of a process. `days` is how long a response is kept."""

    def __init__(self, threads: DatabaseThreads, days: float) -> None:
        self._threads = threads
        self._keep = timedelta(days=days)

    async def put(self, response: StoredResponse) -> None:
        await self._threads.run(self.begun(response))

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return await self._threads.run(lambda: _get(response_id, owner))

    async def delete(self, response_id: str, owner: str) -> bool:
        return await self._threads.run(lambda: bool(delete_responses(_ids(_mine(response_id, owner)))))

    def begun(self, response: StoredResponse) -> Write:
        return lambda: _new_row(response, self._keep).save(force_insert=True)

    def ended(self, response_id: str, status: str, body: bytes) -> Write:
        return lambda: _end(response_id, status, body)


def purge_responses() -> int:
    """Deletes responses that have expired, the first thousand of them, and says how many there were."""
    return delete_responses(_ids(StoredResponseRow.objects.filter(expires_at__lt=datetime.now(UTC))[:PURGE_ROWS]))


def delete_responses(ids: Sequence[str]) -> int:
    """Deletes responses with their jobs and events, and says how many there were."""
    with transaction.atomic():
        delete_jobs(ids)
        StoredResponseRow.objects.filter(pk__in=ids).delete()
    return len(ids)


def delete_responses_of(owner: str) -> int:
    """Deletes all responses of a key, some at a time, and says how many there were."""
    rows, deleted = StoredResponseRow.objects.filter(owner=owner), 0
    while ids := _ids(rows[:PURGE_ROWS]):
        deleted += delete_responses(ids)
    return deleted


def with_jobs(rows: QuerySet[StoredResponseRow]) -> QuerySet[StoredResponseRow]:
    """The rows with `job_state` and `job_streamed`, which are None without a job."""
    job = JobRow.objects.filter(pk=OuterRef("pk"))
    return rows.annotate(job_state=Subquery(job.values("state")), job_streamed=Subquery(job.values("streamed")))


def status_of(row: StoredResponseRow) -> str:
    """The status of a row that came from `with_jobs`."""
    job_state: str | None = getattr(row, "job_state")  # noqa: B009 - an annotation, which the type does not know
    return IN_PROGRESS if row.status == QUEUED and job_state == State.RUNNING else row.status


def of_status(rows: QuerySet[StoredResponseRow], status: str) -> QuerySet[StoredResponseRow]:
    """The rows whose `status_of` is that."""
    if status not in (QUEUED, IN_PROGRESS):
        return rows.filter(status=status)
    running = JobRow.objects.filter(state=State.RUNNING).values("pk")
    begun = rows.filter(status=QUEUED)
    return begun.filter(pk__in=running) if status == IN_PROGRESS else begun.exclude(pk__in=running)


def _new_row(response: StoredResponse, keep: timedelta) -> StoredResponseRow:
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


def _end(response_id: str, status: str, body: bytes) -> None:
    StoredResponseRow.objects.filter(pk=response_id).update(status=status, body=zlib.compress(body, 1))


def _mine(response_id: str, owner: str) -> QuerySet[StoredResponseRow]:
    """The row of that id, if it is that owner's and has not expired."""
    return StoredResponseRow.objects.filter(pk=response_id, owner=owner, expires_at__gte=datetime.now(UTC))


def _ids(rows: QuerySet[StoredResponseRow]) -> list[str]:
    return list(rows.values_list("pk", flat=True))


def _get(response_id: str, owner: str) -> StoredResponse | None:
    row = with_jobs(_mine(response_id, owner)).first()
    if row is None:
        return None
    items, body = zlib.decompress(row.items), zlib.decompress(row.body)
    streamed: bool | None = getattr(row, "job_streamed")  # noqa: B009
    created = row.created_at.timestamp()
    return StoredResponse(row.id, row.owner, row.model, items, body, created, status_of(row), bool(streamed))
