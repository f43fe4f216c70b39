"""How are responses kept in the database? Compressed, by a few threads of their own, until they expire."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import QuerySet

from openai_api.models import StoredResponseRow
from openai_api.responses import StoredResponse, StoreUnavailable

T = TypeVar("T")
THREADS = 2
PURGE_EVERY = 200
PURGE_ROWS = 1000
ANSWER_S = 1.5
"""How long a request waits for the database."""
log = structlog.stdlib.get_logger("gateway.responses")


class DatabaseResponses:
    """The store of a process. `days` is how long a response is kept."""

    def __init__(self, days: float) -> None:
        self._keep = timedelta(days=days)
        self._threads = ThreadPoolExecutor(THREADS, "responses")
        self._puts = 0

    async def put(self, response: StoredResponse) -> None:
        await self._run(lambda: self._put(response))

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return await self._run(lambda: _get(response_id, owner))

    async def delete(self, response_id: str, owner: str) -> bool:
        return await self._run(lambda: bool(_mine(response_id, owner).delete()[0]))

    async def close(self) -> None:
        """Waits for what is under way, not for long, and gives the threads' connections back."""
        closed = [asyncio.wrap_future(self._threads.submit(_hang_up)) for _ in range(THREADS)]
        await asyncio.wait(closed, timeout=ANSWER_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        answer = asyncio.get_running_loop().run_in_executor(self._threads, _answered, work)
        try:
            return await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError as error:
            log.error("stored responses do not answer")
            raise StoreUnavailable from error

    def _put(self, response: StoredResponse) -> None:
        created = datetime.fromtimestamp(response.created_at, UTC)
        row = StoredResponseRow(
            id=response.id,
            owner=response.owner,
            model=response.model,
            items=zlib.compress(response.items, 1),
            body=zlib.compress(response.body, 1),
            created_at=created,
            expires_at=created + self._keep,
        )
        row.save(force_insert=True)
        self._puts += 1
        if self._puts % PURGE_EVERY == 1:
            old = StoredResponseRow.objects.filter(expires_at__lt=datetime.now(UTC)).values_list("pk", flat=True)
            StoredResponseRow.objects.filter(pk__in=list(old[:PURGE_ROWS])).delete()


def _answered(work: Callable[[], T]) -> T:
    """What the database says. A broken connection is given up, and work that found one is tried once more."""
    for last in (False, True):
        try:
            return work()
        except (DatabaseError, InterfaceError, OSError) as error:
            connection.close()
            if last:
                log.error("stored responses cannot be reached", error=type(error).__name__)
                raise StoreUnavailable from error
    raise StoreUnavailable


def _hang_up() -> None:
    connection.close()  # that of the thread in which this runs


def _mine(response_id: str, owner: str) -> QuerySet[StoredResponseRow]:
    return StoredResponseRow.objects.filter(pk=response_id, owner=owner, expires_at__gte=datetime.now(UTC))


def _get(response_id: str, owner: str) -> StoredResponse | None:
    row = _mine(response_id, owner).first()
    if row is None:
        return None
    items, body = zlib.decompress(row.items), zlib.decompress(row.body)
    return StoredResponse(row.id, row.owner, row.model, items, body, row.created_at.timestamp())
