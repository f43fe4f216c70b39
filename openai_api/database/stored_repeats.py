"""How are requests with an `Idempotency-Key` kept in the database? As rows, with the parts of their answers.

The row's `run` says who serves it; whoever has another may not write. A run that has not beaten for ten seconds is lost, and the
next repeat takes its place: so a request that a killed worker served runs again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from openai_api.database.stored_jobs import PURGE_ROWS
from openai_api.database.threads import DatabaseThreads
from openai_api.errors import Headers
from openai_api.models import RepeatPieceRow, RepeatRow
from openai_api.repeats.key import Named
from openai_api.repeats.store import Begun, Head, State, Told
from providers.ids import unique

LEASE = timedelta(seconds=10)
FOLLOWED = timedelta(seconds=3)
"""How long it is believed that somebody waits who has looked."""
KEPT = timedelta(hours=24)


class DatabaseRepeats:
    """A `RepeatStore`."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads

    async def begin(self, named: Named) -> Begun:
        return await self._threads.run(partial(_begin, named, unique()))

    async def told(self, named: Named, after: int) -> Told | None:
        return await self._threads.run(partial(_told, named, after))

    async def beat(self, named: Named, run: str, head: Head, number: int, pieces: Sequence[bytes]) -> bool:
        return await self._threads.run(partial(_beat, named, run, head, number, pieces))

    async def end(self, named: Named, run: str, state: State, head: Head, number: int, pieces: Sequence[bytes]) -> None:
        await self._threads.run(partial(_end, named, run, state, head, number, pieces))


def purge_repeats() -> int:
    """Deletes requests that have expired, the first thousand of them, and says how many there were."""
    old = list(RepeatRow.objects.filter(expires_at__lt=Now()).values_list("pk", flat=True)[:PURGE_ROWS])
    with transaction.atomic():
        RepeatPieceRow.objects.filter(repeat_id__in=old).delete()
        RepeatRow.objects.filter(pk__in=old, expires_at__lt=Now()).delete()
    return len(old)


def _begin(named: Named, run: str) -> Begun:
    new = {"asked": named.asked, "run": run, "state": State.RUNNING, "status": 0, "head": "[]", "streamed": False}
    times = {"beat_at": Now(), "expires_at": Now() + KEPT}
    with transaction.atomic():
        RepeatRow.objects.bulk_create([RepeatRow(id=named.id, **new, **times)], ignore_conflicts=True)
        row = RepeatRow.objects.get(pk=named.id)
        if row.run == run:
            return Begun(run)
        gone = Q(state=State.RUNNING, beat_at__lt=Now() - LEASE) | Q(state=State.FAILED) | Q(expires_at__lt=Now())
        free = RepeatRow.objects.filter(gone, pk=named.id, run=row.run)
        if free.update(**new, **times, followed_at=None):
            RepeatPieceRow.objects.filter(repeat_id=named.id).delete()
            return Begun(run)
    return Begun(differs=row.asked != named.asked)


def _told(named: Named, after: int) -> Told | None:
    RepeatRow.objects.filter(pk=named.id, state=State.RUNNING).update(followed_at=Now())
    lost = Q(state=State.RUNNING, beat_at__lt=Now() - LEASE)
    row = RepeatRow.objects.filter(pk=named.id, asked=named.asked).first()  # first: what ends writes its pieces before
    if row is None:
        return None
    head = Head(row.status, _headers(row.head), row.streamed)
    pieces: list[bytes] = []
    for part in RepeatPieceRow.objects.filter(repeat_id=named.id, number__gte=after).order_by("number"):
        if part.number != after:
            break
        pieces.append(zlib.decompress(part.data))
        after = part.last
    return Told(State(row.state), head, pieces, after, RepeatRow.objects.filter(lost, pk=named.id).exists())


def _beat(named: Named, run: str, head: Head, number: int, pieces: Sequence[bytes]) -> bool:
    mine = RepeatRow.objects.filter(pk=named.id, run=run)
    with transaction.atomic():
        if mine.update(beat_at=Now(), **_of_head(head)):
            _keep(named, number, pieces)
        return mine.filter(followed_at__gte=Now() - FOLLOWED).exists()


def _end(named: Named, run: str, state: State, head: Head, number: int, pieces: Sequence[bytes]) -> None:
    with transaction.atomic():
        if RepeatRow.objects.filter(pk=named.id, run=run).update(beat_at=Now(), state=state, **_of_head(head)):
            _keep(named, number, pieces)


def _keep(named: Named, number: int, pieces: Sequence[bytes]) -> None:
    """A try that seemed to fail may have written some of them under the same number."""
    if pieces:
        packed = {"last": number + len(pieces), "data": zlib.compress(b"".join(pieces), 1)}
        RepeatPieceRow.objects.update_or_create(packed, repeat_id=named.id, number=number)


def _of_head(head: Head) -> dict[str, object]:
    told = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in head.headers]
    return {"status": head.status, "head": json.dumps(told), "streamed": head.streamed}


def _headers(text: str) -> Headers:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(text))
