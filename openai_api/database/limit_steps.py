"""What is done with counters in a transaction? Steps on their states, which it has read and will write."""

from __future__ import annotations

from collections.abc import Sequence

from openai_api.limits.counting import Held, State, admit
from openai_api.limits.shares import Charge
from openai_api.limits.store import Counter, Verdict


def taken_of(hold: str, counters: Sequence[Counter], lease_ms: int, states: Sequence[State], now: int) -> Verdict:
    return admit(states, now, hold, now + lease_ms, counters)


def settled(hold: str, at: int, counters: Sequence[Counter], used: Sequence[int], states: Sequence[State], now: int) -> None:
    for state, counter, amount in zip(states, counters, used, strict=True):
        state.settle(now, at, counter, hold, amount)


def filled(spent: Sequence[tuple[Counter, int]], states: Sequence[State], now: int) -> bool:
    """True: it is told."""
    for state, (counter, amount) in zip(states, spent, strict=True):
        if isinstance(state, Held):
            state.fill(now, amount, counter.keep_s)
    return True


def forgotten(states: Sequence[State], now: int) -> None:
    for state in states:
        if isinstance(state, Held) and state.seeded:
            state.seeded, state.spent = False, 0


def renewed(
    least: int, holds: Sequence[str], counters: Sequence[Counter], lease_ms: int, states: Sequence[State], now: int
) -> int:
    """How many workers live, as many as are on this machine `least`; the first state is that of the workers."""
    for state, counter, hold in zip(states, counters, holds, strict=True):
        if isinstance(state, Held):
            state.wait(now, counter)  # whoever is lost is forgotten
            state.renew(counter, hold, now + lease_ms)
    workers = states[0]
    return max(least, workers.held if isinstance(workers, Held) else 1)


def charged(charges: Sequence[Charge], states: Sequence[State], now: int) -> int:
    """Counts what was admitted elsewhere, whatever the limits say; says what time it is."""
    for state, (counter, amount) in zip(states, charges, strict=True):
        if isinstance(state, Held):
            state.seeded = False  # it must be told what was spent
        else:
            state.wait(now, counter)
            state.add(now, counter._replace(take=amount), "", 0)
    return now


def counts(result: object) -> bool:
    return not isinstance(result, Verdict) or result.admitted
