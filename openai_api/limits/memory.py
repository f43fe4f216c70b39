"""How does one worker count? In its memory, by a clock that does not step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic, time

from openai_api.limits.counting import STATES, Held, State, admit
from openai_api.limits.journal import Entry
from openai_api.limits.store import MOST, Counter, Journal, Kind, Taken, Verdict

HELD = Kind.HELD
"""Looked up once: members of an enumeration are slow to find in Python 3.11."""


def steady_ms() -> Callable[[], int]:
    """A clock that begins with the time of day, in milliseconds since the epoch, and then only goes on."""
    ahead = time() - monotonic()
    return lambda: int((monotonic() + ahead) * 1000)


def unwritten(notes: Sequence[Entry]) -> None:
    """Where nobody keeps a ledger."""


class MemoryStore:
    """A `Store` of one worker. Counters that say nothing any more are forgotten, two looked at with each new one."""

    def __init__(self, clock: Callable[[], int] | None = None, journal: Journal = unwritten) -> None:
        self._journal = journal
        self._clock = clock or steady_ms()
        self._states: dict[str, State] = {}
        self._known: deque[Counter] = deque()

    async def take(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry] = ()) -> Verdict:
        return self.take_now(hold, counters, notes)

    def take_now(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry] = ()) -> Verdict:
        """As `take`, without an event loop. What is held is held until it is settled: nobody else could be killed."""
        known, before = self._states, len(self._states)
        states = [known.get(counter.name) or self._begun(counter) for counter in counters]
        verdict = admit(states, self._clock(), hold, MOST, counters)
        if len(known) > before:
            self._forget(2 * (len(known) - before))
        if notes and verdict.admitted:
            self._journal(notes)
        return verdict

    def begin(self, counter: Counter, at: int, hold: str, used: int, until: int) -> None:
        """So much was used of a counter at a time before now, or is held until that time."""
        state = self._states.get(counter.name) or self._begun(counter)
        state.wait(at, counter)
        state.add(at, counter._replace(take=used), hold, until)

    def used(self, counter: Counter) -> int:
        """What is used of a counter now."""
        state, now = self._states.get(counter.name), self._clock()
        if state is None:
            return 0
        state.wait(now, counter)
        return state.found(now, counter).used

    def settle(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry] = ()) -> None:
        now, at = self._clock(), taken.verdict.at_ms
        for counter, amount in zip(taken.counters, used, strict=True):
            if amount != counter.take or counter.kind is HELD:  # what was taken is right already
                state = self._states.get(counter.name)
                if state is not None:
                    state.settle(now, at, counter, taken.hold, amount)
        if notes:
            self._journal(notes)

    async def fill(self, spent: Sequence[tuple[Counter, int]]) -> None:
        now = self._clock()
        for counter, amount in spent:
            state = self._states.get(counter.name) or self._begun(counter)
            if isinstance(state, Held):
                state.fill(now, amount, counter.keep_s)

    async def forget(self, names: Sequence[str]) -> None:
        for name in names:
            state = self._states.get(name)
            if isinstance(state, Held):
                state.seeded, state.spent = False, 0

    async def stop(self) -> None:
        """There is nothing to give up."""

    def __len__(self) -> int:
        return len(self._states)

    def _begun(self, counter: Counter) -> State:
        state = self._states[counter.name] = STATES[counter.kind]()
        self._known.append(counter)
        return state

    def _forget(self, most: int) -> None:
        now = self._clock()
        for _ in range(min(most, len(self._known))):
            old = self._known.popleft()
            if self._states[old.name].idle(now, old):
                del self._states[old.name]
            else:
                self._known.append(old)
