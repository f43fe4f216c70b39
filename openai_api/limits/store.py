"""Where is it counted how much has been used? In one of several stores, which all take and settle in one atomic step.

A request takes from all its counters or from none. What has been taken is settled once it is known what was really used:

    verdict = await store.take(hold, counters)
    if verdict.admitted:
        ...
        store.settle(Taken(hold, counters, verdict), used)

There are two families of counters. Those of a *rate* (`FIXED`, `SLIDING`, `BUCKET`) forget by themselves. Those of a *stock*
(`HELD`) have what is `spent` and what is `held` by requests that run, and admit while `spent + held + take <= most`: settling
takes the hold away and adds what was used to what is spent. A concurrency limit is a stock of which nothing is ever spent; a
budget is one whose name has the period in it. Who holds something and is not heard of for `LEASE_S` loses it: a killed worker
blocks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from openai_api.limits.journal import Entry

Journal = Callable[[Sequence[Entry]], None]
"""Takes notes that a store does not write down itself; returns at once."""
MOST = 2**53
"""What every store counts exactly."""
NEVER = -1
"""In place of a time: waiting does not help."""
PLACE_MS = 1000
"""How long to wait for a hold of somebody else's, of which nobody knows when it ends."""
LEASE_S = 15.0
"""A hold that has not been renewed for so long is lost. Stores renew those of the requests that run by themselves."""


class Kind(StrEnum):
    """How a counter counts."""

    FIXED = "f"
    """Windows begin at whole multiples of their length since the epoch."""
    SLIDING = "s"
    """At most `most` in every stretch of `window_s` seconds, whenever it begins."""
    BUCKET = "b"
    """`most` flow in evenly in `window_s` seconds, up to `burst`."""
    HELD = "h"
    """Spent and held, until it is given another name."""


class Counter(NamedTuple):
    """A counter, and what a request takes from it. The name tells nothing of a key but its id, and is another one for another
    kind, window or period. `most` None refuses nobody and only counts.

    Only of `HELD`: `keep_s` is how long it is kept without being used; `seeded` says that it must be told what was spent before:
    until then nothing is taken, and the verdict says that it is `unknown`.
    """

    name: str
    kind: Kind
    take: int
    most: int | None
    window_s: int = 0
    burst: int = 0
    keep_s: int = 3600
    seeded: bool = False


LOOKED = Counter("look", Kind.HELD, 2, 0)
"""Is always full. Taken together with others it refuses, so that these tell how they are, and nothing is taken from them; it asks
for more than the one that each worker may have of a limit while the shared store is away."""


class Found(NamedTuple):
    """A counter after the take, or as it was if that was refused. `used` contains what is held, `left` is what may be taken yet.
    `reset_ms` until it is as if nothing had been used; 0 where only others can give something back. `wait_ms` is 0 if the counter
    admits, else the time until it may, or `NEVER`."""

    used: int
    left: int
    reset_ms: int
    wait_ms: int = 0


class Verdict(NamedTuple):
    """What the counters say, in their order, at the time `at_ms` of the store. Without `admitted` nothing was taken: some refuse,
    or are `unknown` (their positions). `local` says that the shared store is away, and each worker counts its share."""

    admitted: bool
    at_ms: int
    found: tuple[Found, ...]
    unknown: tuple[int, ...] = ()
    local: bool = False


class Taken(NamedTuple):
    """What a request has taken."""

    hold: str
    counters: Sequence[Counter]
    verdict: Verdict


class Store(Protocol):
    """Counts for one worker or for many."""

    async def take(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry] = ()) -> Verdict:
        """Takes from all counters or from none. `hold` is an id of the request's that nobody else has. `notes` are written down
        in the same step, if it is admitted. Raises nothing: where the store is away, the worker's share decides."""
        ...

    def settle(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry] = ()) -> None:
        """Puts what each counter's request has really used in place of what it took; once for each take that was admitted.
        `notes` are written down in the same step. Returns at once and raises nothing."""
        ...

    async def fill(self, spent: Sequence[tuple[Counter, int]]) -> None:
        """Tells `HELD` counters what was spent until now. What they know is raised to it, never lowered."""
        ...

    async def forget(self, names: Sequence[str]) -> None:
        """Has `HELD` counters forget what was spent: they must be told again. What is held of them stays held."""
        ...

    async def stop(self) -> None:
        """Gives up what it keeps open."""
        ...


def refusing(verdict: Verdict) -> tuple[int, ...]:
    """The positions of the counters that refuse."""
    return tuple(place for place, found in enumerate(verdict.found) if found.wait_ms)
