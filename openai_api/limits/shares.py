"""What may a worker admit while the store that all share is away? Its share: the limits, divided by the number of workers.

A share begins with what is left of the limit by the last that the store has told: where each worker has heard of all that was
taken, the workers together admit no more than that. What they have admitted is charged to the store when it is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from openai_api.limits.journal import Entry
from openai_api.limits.memory import MemoryStore, steady_ms
from openai_api.limits.store import LEASE_S, MOST, Counter, Found, Journal, Kind, Taken, Verdict

MOST_TOLD = 50_000
"""Counters of which it is remembered what the store has told; twice as many at most."""
OTHERS = "others"
"""The hold of what requests at other workers hold."""


class Told(NamedTuple):
    """So much was used of a counter at that time, in milliseconds of this worker's clock."""

    used: int
    at: int


class Charge(NamedTuple):
    """What was admitted without the store, and still counts. Of a `seeded` counter nothing: the ledger knows it."""

    counter: Counter
    amount: int


class Shares:
    """A `Store` of one worker out of so many. `holds` says what its running requests hold of a counter."""

    def __init__(self, workers: Callable[[], int], journal: Journal, holds: Callable[[str], Sequence[str]]) -> None:
        self._workers = workers
        self._journal = journal
        self._holds = holds
        self._clock = steady_ms()
        self._store = MemoryStore(self._clock, journal)
        self._begun: dict[str, int] = {}
        self._told: dict[str, Told] = {}
        self._told_before: dict[str, Told] = {}
        self._admitted: dict[str, Charge] = {}

    def note(self, counters: Sequence[Counter], found: Sequence[Found]) -> None:
        """The shared store has told how its counters are."""
        now, told = self._clock(), self._told
        for counter, one in zip(counters, found, strict=True):
            told[counter.name] = Told(one.used, now)
        if len(told) > MOST_TOLD:
            self._told_before, self._told = told, {}

    def take(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> Verdict:
        """Takes from the shares."""
        shares = self.shares(counters)
        for counter, share in zip(counters, shares, strict=True):
            if counter.name not in self._admitted and not (counter.seeded and counter.name not in self._begun):
                self._begin(counter, share)
        verdict = self._store.take_now(hold, shares, notes)
        if verdict.admitted:
            self._add((share.name, share.take) for share in shares)
        return verdict._replace(local=True)

    def settle(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry]) -> None:
        """Settles what was taken here."""
        shares = self.shares(taken.counters)
        self._store.settle(taken._replace(counters=shares), used, notes)
        self._add((share.name, amount - share.take) for share, amount in zip(shares, used, strict=True))

    def free(self, hold: str, held: Sequence[Counter]) -> None:
        """A request that was admitted by the shared store has ended meanwhile."""
        own = [counter for counter in held if not counter.seeded]
        self._store.settle(Taken(hold, own, Verdict(True, 0, ())), [0] * len(own))

    def counted(self, counters: Sequence[Counter]) -> None:
        """The shared store has counted a request, too, that was admitted here: it said so too late."""
        self._add((share.name, -share.take) for share in self.shares(counters))

    def write(self, notes: Sequence[Entry]) -> None:
        """Writes down what the shared store could not."""
        if notes:
            self._journal(notes)

    async def fill(self, spent: Sequence[tuple[Counter, int]]) -> None:
        """Tells what was spent by all; a share is one of what is left then."""
        self._begun.update((counter.name, amount) for counter, amount in spent)
        await self._store.fill(spent)

    def charges(self) -> list[Charge]:
        """What the shared store is to be told when it is back, before it is asked anything."""
        found = []
        for counter, amount in self._admitted.values():
            if counter.seeded:
                found.append(Charge(counter, 0))
            elif counter.kind is not Kind.HELD:
                still = min(amount, self._store.used(self._share(counter)))
                if still > 0:
                    found.append(Charge(counter, still))
        return found

    def charged(self, charges: Sequence[Charge]) -> None:
        """The shared store has counted these, but said so too late."""
        self._add((counter.name, -amount) for counter, amount in charges)

    def forget(self) -> None:
        """The shared store has been told. What still runs is settled there, and not here."""
        now = self._clock()
        for counter, amount in self.charges():
            known = self._last(counter, now)
            self._told[counter.name] = Told(amount + (known.used if known else 0), now)
        self._store = MemoryStore(self._clock, self._journal)
        self._begun.clear()
        self._admitted.clear()

    def shares(self, counters: Sequence[Counter]) -> list[Counter]:
        """This worker's share of counters, and what a request takes of it."""
        return [self._share(counter) for counter in counters]

    def taken(self, counters: Sequence[Counter]) -> list[Counter]:
        """Counters as the shared store has them, with what was taken here."""
        return [counter._replace(take=self._share(counter).take) for counter in counters]

    def _share(self, counter: Counter) -> Counter:
        if counter.most is None:
            return counter
        workers = max(1, self._workers())
        if counter.seeded:
            begun = min(counter.most, self._begun.get(counter.name, 0))
            return counter._replace(most=begun + (counter.most - begun) // workers)
        most, burst = max(1, counter.most // workers), max(1, counter.burst // workers)
        fits = burst if counter.kind is Kind.BUCKET else most
        whole = counter.burst if counter.kind is Kind.BUCKET else counter.most
        return counter._replace(most=most, burst=burst, take=min(counter.take, fits) if counter.take <= whole else counter.take)

    def _begin(self, counter: Counter, share: Counter) -> None:
        """The first that is taken of a counter without the store: what was used is shared, too."""
        self._admitted[counter.name] = Charge(counter, 0)
        known = self._last(counter, self._clock())
        if counter.most is None or known is None:
            return
        own = self._holds(counter.name) if counter.kind is Kind.HELD and not counter.seeded else ()
        beyond = known.used - self._begun.get(counter.name, 0)
        used = -(-beyond // max(1, self._workers())) - len(own)
        if used > 0:
            until = known.at + int(LEASE_S * 1000) if counter.kind is Kind.HELD else MOST
            self._store.begin(share, known.at, OTHERS, used, until)
        for hold in own:
            self._store.begin(share, known.at, hold, 1, MOST)

    def _last(self, counter: Counter, now: int) -> Told | None:
        """What the store has told last, if it still counts."""
        known = self._told.get(counter.name) or self._told_before.get(counter.name)
        if known is None:
            return None
        lasts_s = LEASE_S if counter.kind is Kind.HELD else counter.window_s * max(1, counter.burst / max(1, counter.most or 1))
        return known if now - known.at <= lasts_s * 1001 else None

    def _add(self, amounts: Iterable[tuple[str, int]]) -> None:
        admitted = self._admitted
        for name, amount in amounts:
            charge = admitted.get(name)
            if charge is not None:
                admitted[name] = Charge(charge.counter, charge.amount + amount)
