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
from openai_api.repeats.store import Begun, Head, Part, State, Told
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
        taking = _Taking(named, unique())
        try:
            return await self._threads.run(taking)
        except BaseException:
            taking.given_up = True
            raise

    async def told(self, named: Named, after: int) -> Told | None:
        return await self._threads.run(partial(_told, named, after))

    async def beat(self, named: Named, run: str, head: Head, parts: Sequence[Part]) -> bool:
        return await self._threads.run(partial(_beat, named, run, head, parts))

    async def end(self, named: Named, run: str, state: State, head: Head, parts: Sequence[Part]) -> None:
        await self._threads.run(partial(_end, named, run, state, head, parts))


class _Taking:
    """Takes a request; one that nobody waits for any more, since the database was too slow, is given back."""

    def __init__(self, named: Named, run: str) -> None:
        self.given_up = False
        self._named, self._run = named, run

    def __call__(self) -> Begun:
        begun = _begin(self._named, self._run)
        if begun.run and self.given_up:
            _end(self._named, self._run, State.FAILED, Head(), ())
        return begun


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
    gone = Q(state=State.RUNNING, beat_at__lt=Now() - LEASE)
    row = RepeatRow.objects.filter(pk=named.id, asked=named.asked).first()  # first: what ends writes its pieces before
    if row is None:
        return None
    head = Head(row.status, _headers(row.head), row.streamed)
    pieces: list[bytes] = []
    is_torn = False
    for part in RepeatPieceRow.objects.filter(repeat_id=named.id, number__gte=after).order_by("number"):
        is_torn = part.number != after
        if is_torn:
            break
        pieces.append(zlib.decompress(part.data))
        after = part.last
    lost = is_torn or RepeatRow.objects.filter(gone, pk=named.id).exists()
    return Told(State(row.state), head, pieces, after, lost)


def _beat(named: Named, run: str, head: Head, parts: Sequence[Part]) -> bool:
    """One that comes late, from a thread that the database held up, must not write after the end."""
    mine = RepeatRow.objects.filter(pk=named.id, run=run, state=State.RUNNING)
    with transaction.atomic():
        if mine.update(beat_at=Now(), **_of_head(head)):
            _keep(named, parts)
        return mine.filter(followed_at__gte=Now() - FOLLOWED).exists()


def _end(named: Named, run: str, state: State, head: Head, parts: Sequence[Part]) -> None:
    with transaction.atomic():
        if RepeatRow.objects.filter(pk=named.id, run=run).update(beat_at=Now(), state=state, **_of_head(head)):
            _keep(named, parts)


def _keep(named: Named, parts: Sequence[Part]) -> None:
    """A try that seemed to fail may have written the same."""
    rows = [
        RepeatPieceRow(
            repeat_id=named.id,
            number=part.number,
            last=part.number + len(part.pieces),
            data=zlib.compress(b"".join(part.pieces), 1),
        )
        for part in parts
    ]
    RepeatPieceRow.objects.bulk_create(rows, ignore_conflicts=True)


def _of_head(head: Head) -> dict[str, object]:
    told = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in head.headers]
    return {"status": head.status, "head": json.dumps(told), "streamed": head.streamed}


def _headers(text: str) -> Headers:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(text))
