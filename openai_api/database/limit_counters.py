"""How do several workers count together without Redis? In rows of the database, with the arithmetic of `limits/counting.py`.

What has come together while the last transaction ran is counted in one more: it locks the rows in the order of their names, asks
for the time, and writes what has changed. So a worker has one transaction under way, and many requests share it. A database that
does not answer in time is away: each worker admits its share, which is charged when the database answers again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import Any

import msgspec
from django.db import DatabaseError, connection, transaction

from openai_api.database.limit_steps import charged, counts, filled, forgotten, renewed, settled, taken_of
from openai_api.database.threads import DatabaseThreads
from openai_api.errors import StoreUnavailable
from openai_api.limits.counting import STATES, State
from openai_api.limits.journal import Entry, undone
from openai_api.limits.memory import unwritten
from openai_api.limits.shares import Shares
from openai_api.limits.store import LEASE_S, Counter, Journal, Kind, Taken, Verdict
from openai_api.models import LimitCounterRow

ANSWER_S = 1.0
"""How long a request waits for the database at most."""
BEAT_S = 4.0
"""How often holds are renewed, and how often a database that is away is asked again."""
MOST_STEPS = 200
"""Steps that are taken in one transaction."""
MOST_UNSETTLED = 10_000
"""Requests that have ended while the database was away, and are settled when it is back; the latest are kept."""
MOST_KNOWN = 100_000
LEAST_KEPT_MS = 60_000
PURGE_ROWS = 1000
LEASE_MS = int(LEASE_S * 1000)
WORKERS = Counter("workers", Kind.HELD, 1, None)
"""The workers that live, each of which holds one."""
_decode = msgspec.json.Decoder(list[Any]).decode


@dataclass(slots=True)
class Step:
    """Something that is done with counters, all at once. `answer` is told its result; `notes` are written down with it, if it is
    not a take that was refused."""

    counters: Sequence[Counter]
    apply: Callable[[Sequence[State], int], Any]
    answer: asyncio.Future[Any] | None = None
    notes: Sequence[Entry] = ()


class DatabaseStore:
    """A `Store` in the database. `workers` is how many there are on this machine; `write` writes notes down, in the transaction,
    and `journal` where there is none."""

    def __init__(
        self,
        threads: DatabaseThreads,
        workers: int,
        journal: Journal = unwritten,
        write: Journal = unwritten,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._threads = threads
        self._write = write
        self._answer_s = answer_s
        self._least = self._workers = workers
        self._worker = token_hex(8)
        self._held: dict[str, list[Counter]] = {}
        self._untold: dict[str, tuple[Counter, int]] = {}
        self._shares = Shares(lambda: self._workers, journal, self._holds)
        self._steps: deque[Step] = deque()
        self._come, self._answered = asyncio.Event(), asyncio.Event()
        self._turn = asyncio.Lock()
        self._charged_at = 0
        self._in_vain: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._known: set[str] = set()
        self.local = False
        self.failures = 0

    def _start(self) -> None:
        """Begins to count when the first limit is asked for."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(run(), name="limits-database") for run in (self._serve, self._beat)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.local:
            for step in self._steps:
                self._shares.write(step.notes)
        elif self._steps:
            with suppress(StoreUnavailable):
                await self._threads.run(partial(self._count, list(self._steps)))

    async def take(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry] = ()) -> Verdict:
        if self.local:
            return self._alone(hold, counters, notes)
        answer = self._asked(counters, partial(taken_of, hold, counters, LEASE_MS), notes)
        try:
            async with asyncio.timeout(self._answer_s):
                verdict: Verdict | None = await asyncio.shield(answer)
        except TimeoutError:
            self._lose(())
            verdict = None
        except asyncio.CancelledError:
            answer.add_done_callback(partial(self._late, hold, counters, undone(notes)))
            raise
        if verdict is None:
            share = self._shares.take(hold, counters, notes)
            if share.admitted:
                self._keep(hold, counters)
                self._in_vain.add(hold)
            goes_on = share.admitted or share.unknown
            answer.add_done_callback(partial(self._late, hold, counters, () if goes_on else undone(notes)))
            return share
        self._shares.note(counters, verdict.found)
        if verdict.admitted:
            self._keep(hold, counters)
        return verdict

    def settle(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry] = ()) -> None:
        held = self._held.pop(taken.hold, ())
        if taken.verdict.local:
            if self.local:
                self._shares.settle(taken, used, notes)
                return
            taken = Taken(taken.hold, self._shares.taken(taken.counters), taken.verdict._replace(at_ms=self._charged_at))
        elif self.local:
            self._shares.free(taken.hold, held)
        changed = [
            (counter, amount)
            for counter, amount in zip(taken.counters, used, strict=True)
            if counter.kind is Kind.HELD or counter.take != amount
        ]
        if changed or notes:
            counters = [counter for counter, _ in changed]
            done = partial(settled, taken.hold, taken.verdict.at_ms, counters, [amount for _, amount in changed])
            self._add(Step(counters, done, None, notes))

    async def fill(self, spent: Sequence[tuple[Counter, int]]) -> None:
        await self._shares.fill(spent)
        if self.local or not await self._asked([counter for counter, _ in spent], partial(filled, spent)):
            self._untold.update((counter.name, (counter, amount)) for counter, amount in spent)

    async def forget(self, names: Sequence[str]) -> None:
        if names and not self.local:
            await self._asked([Counter(name, Kind.HELD, 0, None) for name in names], forgotten)

    def _asked(
        self, counters: Sequence[Counter], apply: Callable[[Sequence[State], int], Any], notes: Sequence[Entry] = ()
    ) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._add(Step(counters, apply, answer, notes))
        return answer

    def _add(self, step: Step) -> None:
        if not self._tasks:
            self._start()
        if self.local and len(self._steps) >= MOST_UNSETTLED:
            self._shares.write(self._steps.popleft().notes)
        self._steps.append(step)
        self._come.set()

    def _keep(self, hold: str, counters: Sequence[Counter]) -> None:
        held = [counter for counter in counters if counter.kind is Kind.HELD]
        if held:
            self._held[hold] = held

    def _holds(self, name: str) -> list[str]:
        return [hold for hold, counters in self._held.items() if any(counter.name == name for counter in counters)]

    def _alone(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> Verdict:
        verdict = self._shares.take(hold, counters, notes)
        if verdict.admitted:
            self._keep(hold, counters)
        return verdict

    def _late(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry], answer: asyncio.Future[Any]) -> None:
        """Nobody waits any more for what a take has said. What it holds is given back if its request did not go on, which the
        notes tell; what it counts stays counted."""
        verdict = None if answer.cancelled() else answer.result()
        if verdict is None:
            self._in_vain.discard(hold)
            self._shares.write(notes)  # nobody knows whether it was taken
        elif not verdict.admitted:
            self._in_vain.discard(hold)
        elif hold in self._in_vain:
            self._in_vain.discard(hold)
            self._shares.counted(counters)
        elif held := [counter for counter in counters if counter.kind is Kind.HELD]:
            self.settle(Taken(hold, held, verdict), [0] * len(held), notes)

    async def _serve(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            while self._steps and await self._next():
                pass

    async def _next(self) -> bool:
        """Takes the next steps; not while the database is away."""
        async with self._turn:
            if self.local:
                return False
            await self._done([self._steps.popleft() for _ in range(min(MOST_STEPS, len(self._steps)))])
            return True

    async def _done(self, steps: Sequence[Step]) -> None:
        try:
            results = await self._threads.run(partial(self._count, steps))
        except StoreUnavailable:
            self._lose(steps)
            return
        for step, result in zip(steps, results, strict=True):
            if step.answer is not None and not step.answer.done():
                step.answer.set_result(result)
        if self.local:
            self._answered.set()

    def _lose(self, steps: Sequence[Step]) -> None:
        """Each worker counts its share from now on; who waits is told so, and what has ended waits until the database is back."""
        self.failures += not self.local
        self.local = True
        for step in steps:
            if step.answer is None:
                self._shares.write(step.notes)
        for step in (*steps, *self._steps):
            if step.answer is not None and not step.answer.done():
                step.answer.set_result(None)
        self._steps = deque(step for step in self._steps if step.answer is None)

    async def _beat(self) -> None:
        while True:
            with suppress(StoreUnavailable):
                if self.local:
                    await self._return()
                else:
                    (self._workers,) = await self._threads.run(partial(self._count, [self._renewal()]))
            if self._untold and not self.local:
                untold, self._untold = list(self._untold.values()), {}
                await self.fill(untold)
            self._answered.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._answered.wait()

    def _renewal(self) -> Step:
        """Says that this worker lives, and what it holds; its result is how many workers there are."""
        holds = [(hold, counter) for hold, counters in self._held.items() for counter in counters]
        counters = [WORKERS, *(counter for _, counter in holds)]
        done = partial(renewed, self._least, [self._worker, *(hold for hold, _ in holds)], counters, LEASE_MS)
        return Step(counters, done)

    async def _return(self) -> None:
        """Tells the database what was admitted without it; what is asked from now on waits until that is done. Raises
        `StoreUnavailable`."""
        async with self._turn:
            charges = self._shares.charges()
            charge = Step([counter for counter, _ in charges], partial(charged, charges))
            self.local = False
            try:
                self._workers, self._charged_at = await self._threads.run(partial(self._count, [self._renewal(), charge]))
            except StoreUnavailable:
                self.failures -= 1  # it is away since before
                self._lose(())
                raise
            self._shares.forget()
            self._in_vain.clear()
        self._come.set()

    def _count(self, steps: Sequence[Step]) -> list[Any]:
        """The results of the steps. For a thread of the database."""
        counters = {counter.name: counter for step in steps for counter in step.counters}
        self._know(counters)
        with transaction.atomic():
            found = _locked(counters)
            if len(found) < len(counters):  # they have been deleted
                self._known.clear()
                raise DatabaseError("counters have been deleted")
            now = _clock()
            results = [step.apply([found[counter.name] for counter in step.counters], now) for step in steps]
            _save(found, counters, now)
            notes = [note for step, said in zip(steps, results, strict=True) if counts(said) for note in step.notes]
            if notes:
                self._write(notes)
        return results

    def _know(self, counters: Mapping[str, Counter]) -> None:
        """Makes rows for counters that are new, before any is locked: two workers must not wait for each other."""
        missing = sorted(set(counters) - self._known)
        if missing:
            rows = [LimitCounterRow(name=name, state="", expires_at=datetime.now(UTC)) for name in missing]
            LimitCounterRow.objects.bulk_create(rows, ignore_conflicts=True)
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known.update(missing)


def purge_counters() -> int:
    """Deletes counters that say nothing any more, the first thousand of them, and says how many there were."""
    with transaction.atomic():
        expired = LimitCounterRow.objects.filter(expires_at__lt=datetime.fromtimestamp(time.time() - LEAST_KEPT_MS / 1000, UTC))
        old = list(
            expired.select_for_update(skip_locked=connection.vendor == "postgresql").values_list("pk", flat=True)[:PURGE_ROWS]
        )
        LimitCounterRow.objects.filter(pk__in=old).delete()
    return len(old)


def _locked(counters: Mapping[str, Counter]) -> dict[str, State]:
    """The states of the counters, which nobody else changes until the transaction ends."""
    found: dict[str, State] = {}
    rows = LimitCounterRow.objects.select_for_update().filter(pk__in=list(counters)).order_by("pk")
    for name, packed in rows.values_list("name", "state"):
        state = found[name] = STATES[counters[name].kind]()
        if packed:
            state.unpack(_decode(packed))
    return found


def _clock() -> int:
    """Milliseconds since the epoch, by the clock that all workers have in common."""
    if connection.vendor != "postgresql":
        return int(time.time() * 1000)  # they are on one machine
    with connection.cursor() as cursor:
        cursor.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        return int(cursor.fetchone()[0])


def _save(found: Mapping[str, State], counters: Mapping[str, Counter], now: int) -> None:
    rows = [
        LimitCounterRow(
            name=name, state=msgspec.json.encode(state.pack()).decode(), expires_at=_expires(state, counters[name], now)
        )
        for name, state in found.items()
    ]
    changed = ["state", "expires_at"]
    LimitCounterRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=changed)


def _expires(state: State, counter: Counter, now: int) -> datetime:
    kept = counter.keep_s * 1000 if counter.kind is Kind.HELD else max(LEAST_KEPT_MS, state.found(now, counter).reset_ms)
    return datetime.fromtimestamp((now + min(kept, 10**12)) / 1000, UTC)
