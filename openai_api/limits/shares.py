"""What may a worker admit while the store that all share is away? Its share: the limits, divided by the number of workers.

While the shared store is there, what this worker has admitted is noted, so that its share begins with what it has had already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openai_api.limits.journal import Entry
from openai_api.limits.memory import MemoryStore
from openai_api.limits.store import Counter, Journal, Kind, Taken, Verdict


class Shares:
    """A `Store` of one worker out of so many. `takes` says how often it has decided."""

    def __init__(self, workers: Callable[[], int], journal: Journal) -> None:
        self._workers = workers
        self._journal = journal
        self._store = MemoryStore(journal=journal)
        self._begun: dict[str, int] = {}
        self.takes = 0

    def note(self, counters: Sequence[Counter]) -> None:
        """The shared store has admitted a request of this worker's. What is held there is not held here, too."""
        for counter in counters:
            if counter.kind is Kind.BUCKET:
                self._store.take_now("", (self._share(counter, max(1, self._workers())),))
            elif counter.kind is not Kind.HELD:
                self._store.take_now("", (counter._replace(most=None),))

    def take(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> Verdict:
        """Takes from the shares."""
        self.takes += 1
        verdict = self._store.take_now(hold, self._shared(counters), notes)
        return verdict._replace(local=True)

    def settle(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry]) -> None:
        """Settles what was taken here."""
        self._store.settle(taken._replace(counters=self._shared(taken.counters)), used, notes)

    def write(self, notes: Sequence[Entry]) -> None:
        """Writes down what the shared store could not."""
        if notes:
            self._journal(notes)

    async def fill(self, spent: Sequence[tuple[Counter, int]]) -> None:
        """Tells what was spent by all; a share is one of what is left then."""
        self._begun.update((counter.name, amount) for counter, amount in spent)
        await self._store.fill(spent)

    def forget(self) -> None:
        """The shared store is back, and knows more of what was spent. What still runs is settled there, and not here."""
        self._store = MemoryStore(journal=self._journal)
        self._begun.clear()

    def _shared(self, counters: Sequence[Counter]) -> list[Counter]:
        workers = max(1, self._workers())
        return [self._share(counter, workers) for counter in counters]

    def _share(self, counter: Counter, workers: int) -> Counter:
        if counter.most is None:
            return counter
        if counter.seeded:
            begun = min(counter.most, self._begun.get(counter.name, 0))
            return counter._replace(most=begun + (counter.most - begun) // workers)
        most, burst = max(1, counter.most // workers), max(1, counter.burst // workers)
        fits = burst if counter.kind is Kind.BUCKET else most
        whole = counter.burst if counter.kind is Kind.BUCKET else counter.most
        return counter._replace(most=most, burst=burst, take=min(counter.take, fits) if counter.take <= whole else counter.take)
