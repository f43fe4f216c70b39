"""Who keeps the ledger? Each worker writes its own entries, soon after; those that Redis has, one of the workers for all.

Nothing here is waited for by a request, but for `spent`, once for a counter that the store does not know. What cannot be written
waits: entries have ids, so that nothing is counted twice however often it is tried. After each write the store is told what the
ledger has, and raises its counters to that: one that was lost, or came back from an old copy, is right again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from time import monotonic, time
from typing import Protocol, TypeVar

from models_catalog.bounds import BudgetRule
from openai_api.errors import RETRY_SOON, ApiError, StoreUnavailable
from openai_api.limits.journal import Entry, Key, Standing
from openai_api.limits.store import Counter, Kind, Store

T = TypeVar("T")
FLUSH_S = 0.05
"""How long an entry waits until it is written, with all that came meanwhile."""
BUSY_S, QUIET_S = 10.0, 0.25
"""How long after the last entry it is looked for others often, and how often after that."""
AT_ONCE = 2000
"""Entries in one transaction."""
MOST_WAITING = 500_000
"""Entries that wait in memory while the database is away; the latest are kept."""
AGAIN_S = 1.0
LOOK_S = 1.0
"""How often it is looked for adjustments."""
LOOK_BACK_S = 10.0
"""How far back: clocks differ, and transactions take their time."""
SWEEP_S = 5.0
"""How often it is looked for holds whose workers are gone."""
KEEP_S = 8 * 86400
"""How long the store keeps a counter that nobody asks for: the ledger knows it, too."""
PREFIX = "budget:"
log = logging.getLogger("gateway.budgets")


class BudgetsUnavailable(ApiError):
    """What was spent before is not known, and cannot be asked for."""

    def __init__(self) -> None:
        message = "Budgets are temporarily unavailable."
        super().__init__(503, "store_unavailable", message, kind="overloaded_error", headers=RETRY_SOON)


class Threads(Protocol):
    """Runs what waits for the database."""

    async def run(self, work: Callable[[], T]) -> T:
        """Raises `StoreUnavailable`."""
        ...


class Ledger(Protocol):
    """The table. All block, and raise database errors."""

    def write(self, entries: Sequence[Entry]) -> list[Standing]:
        """Writes entries, each once, and says how their counters stand."""
        ...

    def read(self, keys: Iterable[Key]) -> list[Standing]:
        """How counters stand; those of which nothing was ever written are not there."""
        ...

    def changed_since(self, moment: float) -> list[Standing]:
        """The counters that were changed since then, in seconds since the epoch."""
        ...

    def adjusted_since(self, moment: float) -> dict[str, Key]:
        """The counters that were adjusted since then, by the ids of the adjustments."""
        ...

    def release_overdue(self, now: float) -> int:
        """Releases holds whose deadline has passed, some at a time, and says how many."""
        ...


class Pages(Protocol):
    """Entries that a shared store has taken down for all workers."""

    async def read(self) -> tuple[Sequence[Entry], Sequence[bytes]]:
        """Some that nobody has written yet, with the names of their pages; nothing while another worker reads. Raises
        `OSError`."""
        ...

    async def done(self, pages: Sequence[bytes]) -> None:
        """They are written. Raises `OSError`."""
        ...

    async def is_fresh(self) -> bool:
        """Whether the store is another than before, or an older one: a restart may have lost the latest. Raises `OSError`."""
        ...

    async def stop(self) -> None: ...


class Books:
    """The ledger as this worker sees it. A hold is released after `hold_s` seconds if nothing was heard of its request."""

    def __init__(self, threads: Threads, ledger: Ledger, hold_s: float) -> None:
        self.hold_s = hold_s
        self.refusals: Counts[str] = Counts()
        self.lost = 0
        self._threads = threads
        self._ledger = ledger
        self._waiting: list[Entry] = []
        self._store: Store
        self._pages: Pages | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._adjusted: dict[str, Key] = {}
        self._wakes = asyncio.Event()

    def put(self, entries: Sequence[Entry]) -> None:
        """Has entries written. Returns at once."""
        if not entries:
            return
        self._waiting += entries
        self._wakes.set()
        if (over := len(self._waiting) - MOST_WAITING) > 0:
            if not self.lost:
                log.error("entries of the ledger are lost: the database is away, and there is no room for more")
            self.lost += over
            del self._waiting[:over]

    def refused(self, rule: BudgetRule) -> None:
        """Counts a request that a budget has refused."""
        self.refusals[rule.scope] += 1

    async def spent(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        """What the ledger has of counters. Raises `ApiError` 503."""
        try:
            found = await self._threads.run(partial(self._ledger.read, keys))
        except StoreUnavailable as error:
            raise BudgetsUnavailable from error
        return {(one.counter, one.period): one.spent for one in found}

    def start(self, store: Store, pages: Pages | None = None) -> None:
        """Writes from now on what comes, and what stands in the pages of the shared store."""
        self._store, self._pages = store, pages
        works = (self._write, self._look) if pages is None else (self._write, self._look, self._copy)
        self._tasks = [asyncio.create_task(work(), name="ledger") for work in works]

    async def stop(self) -> None:
        """Writes what is there, if the database takes it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._flush()
        except StoreUnavailable:
            log.error("entries of the ledger are lost: the database is away", extra={"entries": len(self._waiting)})
        if self._pages is not None:
            await self._pages.stop()

    async def _write(self) -> None:
        while True:
            await self._wakes.wait()
            self._wakes.clear()
            await asyncio.sleep(FLUSH_S)
            try:
                await self._flush()
            except StoreUnavailable:
                self._wakes.set()
                await asyncio.sleep(AGAIN_S)

    async def _flush(self) -> None:
        while self._waiting:
            entries, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            try:
                standings = await self._threads.run(partial(self._ledger.write, entries))
            except BaseException:  # also when it is cancelled: what was written perhaps is written again, which changes nothing
                self._waiting = entries + self._waiting
                raise
            await self._raise(standings)

    async def _copy(self) -> None:
        """Copies the pages of the shared store into the table, if no other worker does."""
        pages = self._pages
        assert pages is not None, "started with them"  # noqa: S101
        came = monotonic()
        while True:
            wait = FLUSH_S if monotonic() - came < BUSY_S else QUIET_S
            try:
                entries, names = await pages.read()
                if names:
                    came = monotonic()
                    standings = await self._threads.run(partial(self._ledger.write, entries))
                    await pages.done(names)
                    await self._raise(standings)
                    wait = 0.0 if len(entries) >= AT_ONCE else FLUSH_S
                if await pages.is_fresh():
                    await self._raise(await self._threads.run(partial(self._ledger.changed_since, time() - KEEP_S)))
            except (StoreUnavailable, OSError):
                wait = AGAIN_S
            await asyncio.sleep(wait)

    async def _look(self) -> None:
        """Looks for what has happened without a request."""
        swept = 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            now = time()
            try:
                await self._follow_adjustments(now)
                if not 0 <= now - swept < SWEEP_S:
                    await self._threads.run(partial(self._ledger.release_overdue, now))
                    swept = now
            except StoreUnavailable:
                await asyncio.sleep(AGAIN_S)

    async def _follow_adjustments(self, now: float) -> None:
        """Has the store forget counters that an operator has adjusted: they are read from the ledger again."""
        found = await self._threads.run(partial(self._ledger.adjusted_since, now - LOOK_BACK_S))
        names = [counter_name(*key) for adjustment, key in found.items() if adjustment not in self._adjusted]
        if names:
            await self._store.forget(names)
        self._adjusted = found

    async def _raise(self, standings: Sequence[Standing]) -> None:
        if standings:
            await self._store.fill([(counter_of(one.counter, one.period), one.spent) for one in standings])


def counter_of(counter: str, period: str, take: int = 0, most: int | None = None) -> Counter:
    """What the store counts for a budget in a period."""
    return Counter(counter_name(counter, period), Kind.HELD, take, most, keep_s=KEEP_S, seeded=True)


def counter_name(counter: str, period: str) -> str:
    return f"{PREFIX}{counter}/{period}"


def key_of(name: str) -> Key:
    """The counter and the period that `counter_name` was made of."""
    counter, _, period = name.removeprefix(PREFIX).rpartition("/")
    return counter, period
