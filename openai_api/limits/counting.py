"""How much is used of a counter? Pure arithmetic, the same for every store: `redis_store.lua` says it once more in Lua.

Times are whole milliseconds of the store's clock, which may step. A step back makes nobody wait longer than a window and lets
nobody have more: what was counted is kept as if it had been used just now. A small one (1 % of a window) is not looked at.

A sliding window is cut into 1000 slices. A slice counts until the whole of it is older than the window, so no stretch of a
window's length ever has more than the limit, and one that is always asked for more has at least 99.9 % of it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from openai_api.limits.store import MOST, NEVER, PLACE_MS, Counter, Found, Kind, Verdict

SLICES = 1000
"""So a slice of a window of `window_s` seconds has as many milliseconds."""
SLACK = 10
"""Slices by which the clock may step back unnoticed."""
GRAIN = 1e-6
"""What a bucket may lack by rounding."""


class Fixed:
    """`total` in the window of that number."""

    __slots__ = ("index", "total")

    def __init__(self) -> None:
        self.index = self.total = 0

    def wait(self, now: int, counter: Counter) -> int:
        """Milliseconds until the take may be had; 0 for now."""
        length = counter.window_s * SLICES
        self._move(now, length, counter.window_s)
        if counter.most is None or self.total + counter.take <= counter.most:
            return 0
        return NEVER if counter.take > counter.most else (self.index + 1) * length - now

    def add(self, now: int, counter: Counter, hold: str, until: int) -> None:
        """Takes, after `wait` has said 0 for the same moment."""
        self.total += counter.take

    def found(self, now: int, counter: Counter) -> Found:
        """What is to be told, after `wait` for the same moment."""
        reset = (self.index + 1) * counter.window_s * SLICES - now if self.total else 0
        return Found(self.total, _left(counter, self.total), reset)

    def settle(self, now: int, at: int, counter: Counter, hold: str, used: int) -> None:
        """Puts what was used in place of what was taken at that time. What was used beyond it is counted now, if that time is no
        longer looked at."""
        length = counter.window_s * SLICES
        self._move(now, length, counter.window_s)
        if self.index == at // length or used > counter.take:
            self.total = max(0, self.total + used - counter.take)

    def idle(self, now: int, counter: Counter) -> bool:
        """Whether it may be forgotten."""
        return now // (counter.window_s * SLICES) > self.index

    def pack(self) -> list[Any]:
        return [self.index, self.total]

    def unpack(self, packed: list[Any]) -> None:
        self.index, self.total = packed

    def _move(self, now: int, length: int, window_s: int) -> None:
        index = now // length
        if index > self.index:
            self.index, self.total = index, 0
        elif index < self.index and self.index * length - now > SLACK * window_s:
            self.index = index


class Sliding:
    """What was taken in each slice, the oldest first in `order`."""

    __slots__ = ("counts", "index", "order", "total")

    def __init__(self) -> None:
        self.order: deque[int] = deque()
        self.counts: dict[int, int] = {}
        self.index = self.total = 0

    def wait(self, now: int, counter: Counter) -> int:
        self._move(now // counter.window_s)
        if counter.most is None:
            return 0
        over = self.total + counter.take - counter.most
        if over <= 0:
            return 0
        if counter.take > counter.most:
            return NEVER
        for index in self.order:
            over -= self.counts[index]
            if over <= 0:
                return (index + SLICES + 1) * counter.window_s - now
        return NEVER

    def add(self, now: int, counter: Counter, hold: str, until: int) -> None:
        self._count(counter.take)

    def found(self, now: int, counter: Counter) -> Found:
        total = self.total
        reset = (self.order[-1] + SLICES + 1) * counter.window_s - now if total else 0
        return Found(total, _left(counter, total), reset)

    def settle(self, now: int, at: int, counter: Counter, hold: str, used: int) -> None:
        index, more = at // counter.window_s, used - counter.take
        self._move(now // counter.window_s)
        if index in self.counts:
            more = max(more, -self.counts[index])
            self.counts[index] += more
            self.total += more
        elif more > 0:
            self._count(more)

    def idle(self, now: int, counter: Counter) -> bool:
        return not self.order or now // counter.window_s - self.order[-1] > SLICES

    def pack(self) -> list[Any]:
        return [list(self.order), [self.counts[index] for index in self.order]]

    def unpack(self, packed: list[Any]) -> None:
        self.order, self.counts = deque(packed[0]), dict(zip(*packed, strict=True))
        self.total = sum(packed[1])

    def _count(self, more: int) -> None:
        if self.index in self.counts:
            self.counts[self.index] += more
        else:
            self.order.append(self.index)
            self.counts[self.index] = more
        self.total += more

    def _move(self, index: int) -> None:
        order, counts = self.order, self.counts
        if order and order[-1] > index:
            if order[-1] - index <= SLACK:
                index = order[-1]
            else:
                order.clear()
                counts.clear()
                order.append(index)
                counts[index] = self.total
        while order and index - order[0] > SLICES:
            self.total -= counts.pop(order.popleft())
        self.index = index


class Bucket:
    """What was in the bucket at a time; it begins full."""

    __slots__ = ("at", "level")

    def __init__(self) -> None:
        self.level = float(MOST)
        self.at = 0

    def wait(self, now: int, counter: Counter) -> int:
        flow = self._move(now, counter)
        if self.level + GRAIN >= counter.take:
            return 0
        return NEVER if counter.take > counter.burst else ceil((counter.take - self.level - GRAIN) / flow)

    def add(self, now: int, counter: Counter, hold: str, until: int) -> None:
        self.level -= counter.take

    def found(self, now: int, counter: Counter) -> Found:
        left = max(0, floor(self.level + GRAIN))
        missing = counter.burst - self.level
        reset = ceil(missing / _flow(counter)) if missing > GRAIN else 0
        return Found(counter.burst - left, left, reset)

    def settle(self, now: int, at: int, counter: Counter, hold: str, used: int) -> None:
        self._move(now, counter)
        self.level = min(float(counter.burst), self.level + counter.take - used)

    def idle(self, now: int, counter: Counter) -> bool:
        self._move(now, counter)
        return self.level >= counter.burst

    def pack(self) -> list[Any]:
        return [self.level, self.at]

    def unpack(self, packed: list[Any]) -> None:
        self.level, self.at = float(packed[0]), packed[1]

    def _move(self, now: int, counter: Counter) -> float:
        flow = _flow(counter)
        self.level = min(float(counter.burst), self.level + max(0, now - self.at) * flow)
        self.at = now
        return flow


class Held:
    """What is spent, and who holds how much until when, in the order of these times."""

    __slots__ = ("held", "holds", "seeded", "spent", "until")

    def __init__(self) -> None:
        self.spent = self.held = self.until = 0
        self.seeded = False
        self.holds: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait(self, now: int, counter: Counter) -> int:
        self._reap(now)
        self.until = max(self.until, now + counter.keep_s * 1000)
        if counter.most is None or self.spent + self.held + counter.take <= counter.most:
            return 0
        return NEVER if self.spent + counter.take > counter.most else PLACE_MS

    def add(self, now: int, counter: Counter, hold: str, until: int) -> None:
        self.holds[hold] = counter.take, until
        self.held += counter.take

    def found(self, now: int, counter: Counter) -> Found:
        used = self.spent + self.held
        return Found(used, _left(counter, used), 0)

    def settle(self, now: int, at: int, counter: Counter, hold: str, used: int) -> None:
        held = self.holds.pop(hold, None)
        self.held -= held[0] if held else 0
        self.spent += used
        self.until = max(self.until, now + counter.keep_s * 1000)

    def renew(self, counter: Counter, hold: str, until: int) -> None:
        """A request still runs. One that was thought lost holds again."""
        if self.holds.pop(hold, None) is None:
            self.held += counter.take
        self.holds[hold] = counter.take, until

    def fill(self, now: int, spent: int, keep_s: int) -> None:
        """So much was spent before."""
        self.spent = max(self.spent, spent)
        self.seeded = True
        self.until = max(self.until, now + keep_s * 1000)

    def idle(self, now: int, counter: Counter) -> bool:
        self._reap(now)
        return not self.holds and (now > self.until or not (self.spent or self.seeded))

    def pack(self) -> list[Any]:
        return [self.spent, self.until, self.seeded, [[hold, *held] for hold, held in self.holds.items()]]

    def unpack(self, packed: list[Any]) -> None:
        self.spent, self.until, self.seeded, holds = packed
        self.holds = OrderedDict((hold, (amount, until)) for hold, amount, until in holds)
        self.held = sum(amount for amount, _ in self.holds.values())

    def _reap(self, now: int) -> None:
        holds = self.holds
        while holds:
            hold = next(iter(holds))
            amount, until = holds[hold]
            if until > now:
                return
            del holds[hold]
            self.held -= amount


State = Fixed | Sliding | Bucket | Held
STATES: dict[Kind, type[State]] = {Kind.FIXED: Fixed, Kind.SLIDING: Sliding, Kind.BUCKET: Bucket, Kind.HELD: Held}


def admit(states: Sequence[State], now: int, hold: str, until: int, counters: Sequence[Counter]) -> Verdict:
    """Takes from all of the states or from none; they are those of the counters. What is held is held `until` that time."""
    pairs = list(zip(states, counters, strict=True))
    waits = [state.wait(now, counter) for state, counter in pairs]
    unknown: tuple[int, ...] = ()
    if seeded := [place for place, counter in enumerate(counters) if counter.seeded]:
        unknown = tuple(place for place in seeded if not getattr(states[place], "seeded", True))
    if any(waits):
        found = [state.found(now, counter) for state, counter in pairs]
        found = [one._replace(wait_ms=wait) if wait else one for one, wait in zip(found, waits, strict=True)]
        return Verdict(False, now, tuple(found), unknown)
    if not unknown:
        for state, counter in pairs:
            state.add(now, counter, hold, until)
    return Verdict(not unknown, now, tuple([state.found(now, counter) for state, counter in pairs]), unknown)


def _left(counter: Counter, used: int) -> int:
    most = counter.most
    if most is None:
        return MOST
    return most - used if used < most else 0


def _flow(counter: Counter) -> float:
    """What flows in each millisecond."""
    return (MOST if counter.most is None else counter.most) / (counter.window_s * 1000)
