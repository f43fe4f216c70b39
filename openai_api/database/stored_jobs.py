"""How are responses in the background kept in the database? As rows with their events, and the worker that makes them.

A worker holds a response as long as it beats; the row's `status` decides who may still write it. So a response is made
by one worker at a time, its cancelling is seen by any worker, and a worker that was killed leaves nothing that hangs.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from openai_api.database.stored_responses import PURGE_ROWS, mine, new_row, purge, stored_of
from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.store import Asked, Job, Told
from openai_api.models import ResponseEventsRow, StoredResponseRow
from openai_api.responses.store import ACTIVE, StoredResponse
from providers.wire.openai_responses.relay import frame_of
from providers.wire.openai_responses.response_object import error_object
from providers.wire.openai_responses.told_output import ended

LEASE_S = 10.0
"""After so many seconds without a beat the worker is lost."""
LOST = error_object("server_error", "The worker that made this response was lost.")
PURGE_S = 60.0
"""How often expired responses are deleted."""
FRAME_END = b"\n\n"


class DatabaseJobs:
    """The jobs of the worker of that name. `days` is how long a response is kept."""

    def __init__(self, threads: DatabaseThreads, days: float, worker: str) -> None:
        self._threads = threads
        self._keep = timedelta(days=days)
        self._worker = worker
        self._purged = self._taken = self._steady = 0.0

    async def queue(self, job: Job, *, taken: bool) -> None:
        await self._threads.run(partial(self._queue, job, taken))

    async def take(self, places: int) -> list[Job]:
        asked = monotonic()
        if asked - self._taken > LEASE_S / 2:
            self._steady = asked  # the database was away: nobody could beat, so nobody is lost yet
        jobs = await self._threads.run(partial(self._take, places, judges=asked - self._steady > LEASE_S))
        self._taken = monotonic()
        return jobs

    async def beat(self, response_id: str, first: int, frames: Sequence[bytes]) -> bool:
        return await self._threads.run(partial(self._write, response_id, first, frames, {"status": "in_progress"}))

    async def finish(self, response_id: str, first: int, frames: Sequence[bytes], status: str, body: bytes) -> bool:
        values = {"status": status, "body": zlib.compress(body, 1), "request": None, "worker": ""}
        return await self._threads.run(partial(self._write, response_id, first, frames, values))

    async def release(self, response_id: str, number: int) -> None:
        await self._threads.run(partial(self._release, response_id, number))

    async def cancel(self, response_id: str, owner: str) -> StoredResponse | None:
        return await self._threads.run(partial(_cancel, response_id, owner))

    async def events(self, response_id: str, after: int) -> Told:
        return await self._threads.run(partial(_events, response_id, after))

    def _queue(self, job: Job, taken: bool) -> None:
        row = new_row(job.response, self._keep)
        row.request = zlib.compress(msgspec.json.encode(job.asked), 1)
        row.streamed, row.worker = job.asked.stream, self._worker if taken else ""
        row.save(force_insert=True)
        StoredResponseRow.objects.filter(pk=row.pk).update(beat_at=Now())

    def _mine(self, response_id: str) -> QuerySet[StoredResponseRow]:
        return StoredResponseRow.objects.filter(pk=response_id, worker=self._worker, status__in=ACTIVE)

    def _write(self, response_id: str, first: int, frames: Sequence[bytes], values: dict[str, Any]) -> bool:
        with transaction.atomic():
            if not self._mine(response_id).update(beat_at=Now(), **values):
                return False
            if frames:
                packed = {"last": first + len(frames) - 1, "frames": zlib.compress(b"".join(frames), 1)}
                ResponseEventsRow.objects.update_or_create(packed, response_id=response_id, first=first)
        return True

    def _release(self, response_id: str, number: int) -> None:
        with transaction.atomic():
            if self._mine(response_id).update(status="queued", worker="", next_number=number):
                ResponseEventsRow.objects.filter(response_id=response_id).delete()

    def _take(self, places: int, *, judges: bool) -> list[Job]:
        if monotonic() - self._purged > PURGE_S:
            self._purged = monotonic() if purge() < PURGE_ROWS else 0.0  # with more of them, again with the next look
        lost = StoredResponseRow.objects.filter(status__in=ACTIVE, beat_at__lt=Now() - timedelta(seconds=LEASE_S))
        for row in lost.exclude(worker="")[: 100 if judges else 0]:
            _fail(row)
        waiting = StoredResponseRow.objects.filter(status="queued", worker="", expires_at__gte=datetime.now(UTC))
        return [_job(row) for row in waiting.order_by("created_at")[:places] if self._takes(row)]

    def _takes(self, row: StoredResponseRow) -> bool:
        free = StoredResponseRow.objects.filter(pk=row.pk, status="queued", worker="")
        return bool(free.update(worker=self._worker, beat_at=Now()))


def _job(row: StoredResponseRow) -> Job:
    assert row.request is not None, "what has not ended has its request"  # noqa: S101
    return Job(stored_of(row), msgspec.json.decode(zlib.decompress(row.request), type=Asked), row.next_number)


def _cancel(response_id: str, owner: str) -> StoredResponse | None:
    row = mine(response_id, owner).first()
    if row is not None and row.status in ACTIVE:
        _end_told(row, "cancelled", {})
        row.refresh_from_db()
    return None if row is None else stored_of(row)


def _fail(row: StoredResponseRow) -> None:
    """Ends a response whose worker is lost."""
    _end_told(row, "failed", {"error": msgspec.json.encode(LOST)})


def _end_told(row: StoredResponseRow, status: str, changes: dict[str, bytes | None]) -> None:
    """Ends a response, unless another was quicker, with what its events have told; whoever listens is told."""
    values: dict[str, Any] = {"status": status, "request": None, "worker": ""}
    with transaction.atomic():
        if not StoredResponseRow.objects.filter(pk=row.pk, worker=row.worker, status__in=ACTIVE).update(**values):
            return
        told = _events(row.pk, -1)
        body = ended(zlib.decompress(row.body), status, told.frames, changes)
        StoredResponseRow.objects.filter(pk=row.pk).update(body=zlib.compress(body, 1))
        if row.streamed:
            number = max(told.last + 1, row.next_number)
            event = {"type": f"response.{status}", "sequence_number": number, "response": msgspec.Raw(body)}
            packed = zlib.compress(frame_of(event), 1)
            ResponseEventsRow.objects.create(response=row, first=number, last=number, frames=packed)


def _events(response_id: str, after: int) -> Told:
    row = StoredResponseRow.objects.filter(pk=response_id).values("status").first()  # first: what ends writes its events before
    frames: list[bytes] = []
    for part in ResponseEventsRow.objects.filter(response_id=response_id, last__gt=after).order_by("first"):
        packed = zlib.decompress(part.frames).split(FRAME_END)[:-1]
        frames += [frame + FRAME_END for frame in packed[max(0, after + 1 - part.first) :]]
        after = part.last
    return Told(frames, after, row is None or row["status"] not in ACTIVE)
