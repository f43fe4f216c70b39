"""What is written down of a budget? Entries that are never changed: each has an id that makes writing it twice harmless.

A request leaves for each of its budgets a `hold` when it is admitted and, when it has ended, a `release` of the same amount and,
if it used something, a `settle` of what that was. So what a budget has spent is the sum of its `settle` and `adjust`, and what is
held of it that of its `hold` and its `release`, in whatever order, and however often, the entries arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

Key = tuple[str, str]
"""What a budget counts, and in which period."""


class Kind(StrEnum):
    HOLD = "hold"
    SETTLE = "settle"
    RELEASE = "release"
    ADJUST = "adjust"


SPENDS = frozenset({Kind.SETTLE, Kind.ADJUST})
"""Kinds that say what is spent; the others say what is held."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A line of the ledger. `amount` is in billionths of a US dollar or in tokens; that of a release is negative. `at` and
    `deadline`, which a hold has, are seconds since the epoch; `reason` is that of an adjustment."""

    id: str
    at: float
    kind: Kind
    budget: str
    counter: str
    period: str
    unit: str
    request_id: str
    amount: int
    deadline: float = 0.0
    reason: str = ""

    @property
    def key(self) -> Key:
        return self.counter, self.period


class Hold(NamedTuple):
    """What a request sets aside of a budget, from which its entries are made. `id` is the hold's own."""

    id: str
    budget: str
    counter: str
    period: str
    unit: str
    request_id: str
    amount: int
    deadline: float

    def held(self, at: float) -> Entry:
        """Written when the request is admitted."""
        place = self.budget, self.counter, self.period, self.unit, self.request_id
        return Entry(f"{self.id}.h", at, Kind.HOLD, *place, self.amount, self.deadline)

    def ended(self, used: int, at: float) -> tuple[Entry, ...]:
        """Written when the request has ended, and used so much."""
        place = self.budget, self.counter, self.period, self.unit, self.request_id
        release = Entry(f"{self.id}.r", at, Kind.RELEASE, *place, -self.amount)
        return (release, Entry(f"{self.id}.s", at, Kind.SETTLE, *place, used)) if used else (release,)


def undone(notes: Iterable[Entry]) -> list[Entry]:
    """Holds, and their releases: where nobody knows whether a take was written down, nothing of it stays held."""
    found: list[Entry] = []
    for entry in notes:
        if entry.kind is Kind.HOLD:
            release = msgspec.structs.replace(
                entry, id=f"{entry.id.removesuffix('.h')}.r", kind=Kind.RELEASE, amount=-entry.amount, deadline=0.0
            )
            found += (entry, release)
    return found


class Standing(NamedTuple):
    """What the table says of a counter in a period: the sum of its entries. The higher `version` is the later one."""

    counter: str
    period: str
    spent: int
    held: int
    version: int


class Sums(NamedTuple):
    """What some entries of one counter and period add up to."""

    spent: int = 0
    held: int = 0


def sums(entries: Iterable[Entry]) -> dict[Key, Sums]:
    """What the entries add up to, by counter and period."""
    found: dict[Key, Sums] = {}
    for entry in entries:
        spent, held = found.get(entry.key, Sums())
        found[entry.key] = Sums(spent + entry.amount, held) if entry.kind in SPENDS else Sums(spent, held + entry.amount)
    return found


_decode = msgspec.json.Decoder(list[Entry]).decode


def encoded(entries: Sequence[Entry]) -> str:
    """Entries as a message carries them."""
    return msgspec.json.encode(entries).decode()


def decoded(message: bytes) -> list[Entry]:
    """Raises `msgspec.DecodeError`."""
    return _decode(message)
