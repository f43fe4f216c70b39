"""How are jobs kept in the database? As rows, with their events, and the worker that runs each.

A worker holds a job as long as it beats; the row's `state` decides who may still write it. So a job is run by one worker at a
time, cancelled by any, and that of a killed worker does not hang.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.job import ACTIVE, Again, Ending, Events, Job, State, Write, nothing
from openai_api.jobs.store import Cancelled, Lost
from openai_api.models import JobEventsRow, JobRow

LEASE_S = 10.0
"""After so many seconds without a beat the worker is lost."""
LOST_ROWS = 100
"""Jobs of lost workers that are given their outcome at once."""
PURGE_S = 60.0
"""How often expired rows are deleted."""
PURGE_ROWS = 1000
"""Rows that are deleted in one transaction."""
FRAME_END = b"\n\n"


class DatabaseJobs:
    """The jobs as the worker of that name sees them. They are kept for `days`. `purges` delete what else has expired: up to
    `PURGE_ROWS` rows each, and they say how many there were."""

    def __init__(self, threads: DatabaseThreads, days: float, worker: str, purges: Sequence[Callable[[], int]] = ()) -> None:
        self._threads = threads
        self._keep = timedelta(days=days)
        self._worker = worker
        self._purges = (*purges, purge_jobs)
        self._purged = self._taken = self._steady = 0.0

    async def queue(self, job: Job, *, taken: bool, write: Write = nothing) -> None:
        await self._threads.run(partial(self._queue, job, taken, write))

    async def take(self, places: int, lost: Mapping[str, Lost]) -> list[Job]:
        asked = monotonic()
        if asked - self._taken > LEASE_S / 2:
            self._steady = asked  # the database was away: nobody could beat, so nobody is lost yet
        jobs = await self._threads.run(partial(self._take, places, lost, judges=asked - self._steady > LEASE_S))
        self._taken = monotonic()
        return jobs

    async def beat(self, job_id: str, first: int, frames: Sequence[bytes]) -> bool:
        return await self._threads.run(partial(self._beat, job_id, first, frames))

    async def finish(self, job_id: str, first: int, ending: Ending) -> bool:
        return await self._threads.run(partial(self._finish, job_id, first, ending))

    async def release(self, job_id: str, number: int, failed: Again | None = None) -> bool:
        return await self._threads.run(partial(self._release, job_id, number, failed))

    async def cancel(self, job_id: str, owner: str, cancelled: Mapping[str, Cancelled]) -> State | None:
        return await self._threads.run(partial(_cancel, job_id, owner, cancelled))

    async def events(self, job_id: str, after: int) -> Events:
        return await self._threads.run(partial(_events, job_id, after))

    def _queue(self, job: Job, taken: bool, write: Write) -> None:
        created = datetime.fromtimestamp(job.created_at, UTC)
        with transaction.atomic():
            JobRow.objects.create(
                id=job.id,
                kind=job.kind,
                owner=job.owner,
                payload=zlib.compress(job.payload, 1),
                state=State.RUNNING if taken else State.QUEUED,
                worker=self._worker if taken else "",
                beat_at=Now(),
                next_number=job.number,
                streamed=job.streamed,
                created_at=created,
                expires_at=created + self._keep,
            )
            write()

    def _take(self, places: int, lost: Mapping[str, Lost], *, judges: bool) -> list[Job]:
        if monotonic() - self._purged > PURGE_S:
            full = [purge for purge in self._purges if purge() >= PURGE_ROWS]
            self._purged = 0.0 if full else monotonic()  # with more of them, again with the next look
        if judges:
            for row in _silent().filter(kind__in=lost)[:LOST_ROWS]:
                self._lose(row.pk, lost[row.kind])
        due = Q(not_before=None) | Q(not_before__lte=Now())
        waiting = JobRow.objects.filter(due, state=State.QUEUED, kind__in=lost, expires_at__gte=datetime.now(UTC))
        return [_job(row) for row in waiting.order_by("created_at")[:places] if self._takes(row.pk)]

    def _takes(self, job_id: str) -> bool:
        free = JobRow.objects.filter(pk=job_id, state=State.QUEUED)
        return bool(free.update(state=State.RUNNING, worker=self._worker, beat_at=Now()))

    def _lose(self, job_id: str, lost: Lost) -> None:
        """Ends a job whose worker is lost, or queues it again, unless another was quicker or the worker has come back."""
        with transaction.atomic():
            if not _silent().filter(pk=job_id).update(worker=self._worker, beat_at=Now()):
                return
            job, events = _told(job_id)
            outcome = lost(job, events)
            if isinstance(outcome, Again):
                self._release(job_id, events.last + 1, outcome)
            else:
                self._finish(job_id, events.last + 1, outcome)

    def _mine(self, job_id: str) -> QuerySet[JobRow]:
        return JobRow.objects.filter(pk=job_id, worker=self._worker, state=State.RUNNING)

    def _beat(self, job_id: str, first: int, frames: Sequence[bytes]) -> bool:
        with transaction.atomic():
            if not self._mine(job_id).update(beat_at=Now()):
                return False
            _keep(job_id, first, frames)
        return True

    def _finish(self, job_id: str, first: int, ending: Ending) -> bool:
        with transaction.atomic():
            if not self._mine(job_id).update(state=ending.state, payload=None, worker="", beat_at=Now()):
                return False
            _keep(job_id, first, ending.frames)
            ending.write()
        return True

    def _release(self, job_id: str, number: int, failed: Again | None) -> bool:
        values = {"failures": F("failures") + 1, "not_before": Now() + timedelta(seconds=failed.after_s)} if failed else {}
        with transaction.atomic():
            if not self._mine(job_id).update(state=State.QUEUED, worker="", next_number=number, **values):
                return False
            JobEventsRow.objects.filter(job_id=job_id).delete()
        return True


def purge_jobs() -> int:
    """Deletes jobs that have expired, the first thousand of them, and says how many there were."""
    expired = JobRow.objects.filter(expires_at__lt=datetime.now(UTC)).values_list("pk", flat=True)
    old = list(expired[:PURGE_ROWS])
    delete_jobs(old)
    return len(old)


def delete_jobs(job_ids: Sequence[str]) -> None:
    """Deletes jobs with their events, whatever their states: a worker that runs one notices with its next beat."""
    with transaction.atomic():
        jobs = JobRow.objects.filter(pk__in=job_ids)
        held = list(jobs.select_for_update().order_by("pk").values_list("pk", flat=True))  # else a beat may add events meanwhile
        JobEventsRow.objects.filter(job_id__in=held).delete()
        jobs.delete()


def _silent() -> QuerySet[JobRow]:
    """Jobs whose workers are lost."""
    return JobRow.objects.filter(state=State.RUNNING, beat_at__lt=Now() - timedelta(seconds=LEASE_S))


def _job(row: JobRow) -> Job:
    assert row.payload is not None, "what has not ended has its payload"  # noqa: S101
    payload = zlib.decompress(row.payload)
    return Job(row.pk, row.kind, row.owner, payload, row.created_at.timestamp(), row.next_number, row.failures, row.streamed)


def _told(job_id: str) -> tuple[Job, Events]:
    """A job and all its events; with none, the last is that of the try before."""
    job, events = _job(JobRow.objects.get(pk=job_id)), _events(job_id, -1)
    return job, events._replace(last=max(events.last, job.number - 1))


def _cancel(job_id: str, owner: str, cancelled: Mapping[str, Cancelled]) -> State | None:
    found = JobRow.objects.filter(pk=job_id, owner=owner, kind__in=cancelled, expires_at__gte=datetime.now(UTC))
    with transaction.atomic():
        if found.filter(state__in=ACTIVE).update(worker="", beat_at=Now()):  # a write first: it locks the row
            job, events = _told(job_id)
            ending = cancelled[job.kind](job, events)
            JobRow.objects.filter(pk=job_id).update(state=ending.state, payload=None)
            _keep(job_id, events.last + 1, ending.frames)
            ending.write()
        state = found.values_list("state", flat=True).first()
    return None if state is None else State(state)


def _keep(job_id: str, first: int, frames: Sequence[bytes]) -> None:
    """Writes events. A try that seemed to fail may have written some of them under the same first number."""
    if frames:
        packed = {"last": first + len(frames) - 1, "frames": zlib.compress(b"".join(frames), 1)}
        JobEventsRow.objects.update_or_create(packed, job_id=job_id, first=first)


def _events(job_id: str, after: int) -> Events:
    state = JobRow.objects.filter(pk=job_id).values_list("state", flat=True).first()  # first: what ends writes its events before
    frames: list[bytes] = []
    for part in JobEventsRow.objects.filter(job_id=job_id, last__gt=after).order_by("first"):
        packed = zlib.decompress(part.frames).split(FRAME_END)[:-1]
        frames += [frame + FRAME_END for frame in packed[max(0, after + 1 - part.first) :]]
        after = part.last
    return Events(frames, after, ended=state not in ACTIVE)
