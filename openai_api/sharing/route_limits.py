"""May a route be asked now? Its own limits: requests and tokens a minute, requests at once, as its upstream takes them.

A request takes from all of them in one step of the store, or from none, and then the route is passed over. Every minute is
looked at, not only whole ones: an upstream may count in any way. What a failed try has used is kept as far as the upstream may
have counted it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from itertools import count
from math import ceil
from secrets import token_hex
from typing import NamedTuple

from models_catalog.snapshot import ModelEntry
from openai_api.errors import Headers
from openai_api.limits.admission import Asking
from openai_api.limits.expected import expected
from openai_api.limits.store import LOOKED, Counter, Found, Kind, Store, Taken
from openai_api.recording.costs import used
from openai_api.recording.events import Attempt, Record
from openai_api.recording.rows import MAYBE_SERVED
from providers.errors import FailureClass, RouteFull
from providers.types import Sharing, Target

MINUTE_S = 60
NOT_SENT = frozenset({FailureClass.UNSUPPORTED.value, FailureClass.UNREACHABLE.value})
"""Failures of tries of which the upstream has not heard."""
UNCERTAIN = MAYBE_SERVED | {"cancelled"}
"""Outcomes of tries that may have used the tokens that were expected."""
LOOK_AGAIN_S = {Kind.SLIDING: 0.25, Kind.HELD: 0.05}
"""How long it is believed that a route is full, where others may give something back at any moment."""


class _Full(NamedTuple):
    believed: float
    """Until when nobody asks."""
    until: float


class RouteLimits:
    """A `Gate` for the limits that targets have themselves, counted in a store. `clock` gives monotonic seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._full: dict[str, _Full] = {}
        self._holds = count()
        self._hold = token_hex(8)

    async def enter(self, asking: Asking, leg: ModelEntry, target: Target) -> RoutePlace | None:
        """A place; None if the target has no limits. Raises `RouteFull`."""
        sharing = target.sharing
        if not sharing.is_bounded:
            return None
        self._refuse_full(target.id)
        counters = _counters(target.id, sharing, asking, leg)
        hold = f"{self._hold}{next(self._holds)}"
        verdict = await self._store.take(hold, counters)
        if not verdict.admitted:
            raise self._note_full(target.id, counters, verdict.found)
        self._full.pop(target.id, None)
        return RoutePlace(self, Taken(hold, counters, verdict), target.id, asking.record)

    async def look(self, asking: Asking, leg: ModelEntry, target: Target) -> RouteFull | None:
        """As `enter`, without taking or noting anything: what would be raised."""
        sharing = target.sharing
        if not sharing.is_bounded:
            return None
        try:
            self._refuse_full(target.id)
        except RouteFull as full:
            return full
        verdict = await self._store.take("look", [*_counters(target.id, sharing, asking, leg), LOOKED])
        waits = [one.wait_ms / 1000 for one in verdict.found[:-1] if one.wait_ms]
        return RouteFull(retry_after=seconds(max(waits))) if waits else None

    def full(self) -> dict[str, float]:
        """Ids of the targets that were at a limit when they were last looked at, and the seconds until they may not be. For any
        thread."""
        now = self._clock()
        return {target: full.until - now for target, full in tuple(self._full.items()) if full.until > now}

    def keep(self, targets: Collection[str]) -> None:
        """Forgets all other targets. For any thread."""
        for target in tuple(self._full):
            if target not in targets:
                self._full.pop(target, None)

    def settle(self, target: str, taken: Taken, spent: list[int]) -> None:
        """Puts what was used in place of what was taken."""
        self._store.settle(taken, spent)
        full = self._full.get(target)
        if full is not None and any(_gives_back(counter, amount) for counter, amount in zip(taken.counters, spent, strict=True)):
            self._full[target] = full._replace(believed=0.0)

    def _refuse_full(self, target: str) -> None:
        full = self._full.get(target)
        if full is None:
            return
        now = self._clock()
        if now < full.believed:
            raise RouteFull(retry_after=seconds(full.until - now))

    def _note_full(self, target: str, counters: list[Counter], found: tuple[Found, ...]) -> RouteFull:
        refusing = [(counter, one.wait_ms / 1000) for counter, one in zip(counters, found, strict=True) if one.wait_ms]
        waits = [max(wait, 0.001) for _, wait in refusing] or [1.0]
        believed = max((min(wait, _believed(counter)) for counter, wait in refusing), default=0.0)
        now = self._clock()
        self._full[target] = _Full(now + believed, now + max(waits))
        return RouteFull(retry_after=seconds(max(waits)))


class RoutePlace:
    """What a request holds at a target that has limits."""

    __slots__ = ("_limits", "_record", "_taken", "_target", "_tries")
    head: Headers = ()

    def __init__(self, limits: RouteLimits, taken: Taken, target: str, record: Record) -> None:
        self._limits, self._taken, self._target, self._record = limits, taken, target, record
        self._tries = len(record.attempts)

    def settle(self, record: Record) -> None:
        usage, _ = used(record)
        tokens = usage.input_tokens + usage.output_tokens if usage is not None else 0
        self._settle(1, tokens)

    def give_back(self) -> None:
        attempts = self._record.attempts
        tried: Attempt | None = attempts[-1] if len(attempts) > self._tries else None
        if tried is None or tried.failure in NOT_SENT:
            self._settle(0, 0)
        else:
            self._settle(1, None if tried.outcome in UNCERTAIN else 0)

    def _settle(self, requests: int, tokens: int | None) -> None:
        """`tokens` None are those that were expected."""
        spent = {"r": requests, "t": tokens, "c": 0}
        amounts = [counter.take if (amount := spent[counter.name[-1]]) is None else amount for counter in self._taken.counters]
        self._limits.settle(self._target, self._taken, amounts)


def _counters(target: str, sharing: Sharing, asking: Asking, leg: ModelEntry) -> list[Counter]:
    found = []
    if sharing.rpm is not None:
        found.append(Counter(f"route:{target}:r", Kind.SLIDING, 1, sharing.rpm, MINUTE_S))
    if sharing.tpm is not None:
        tokens = expected(asking.call, leg, asking.record.path).total
        tokens = max(1, min(tokens, sharing.tpm))  # what would never fit may come when nothing else is there
        found.append(Counter(f"route:{target}:t", Kind.SLIDING, tokens, sharing.tpm, MINUTE_S))
    if sharing.max_concurrent is not None:
        found.append(Counter(f"route:{target}:c", Kind.HELD, 1, sharing.max_concurrent))
    return found


def _believed(counter: Counter) -> float:
    """How long a refusal holds at least: requests are not given back as a rule, tokens and places are."""
    return float(MINUTE_S) if counter.name.endswith(":r") else LOOK_AGAIN_S[counter.kind]


def _gives_back(counter: Counter, spent: int) -> bool:
    return spent < counter.take


def seconds(wait: float) -> float:
    """Whole seconds after which a client may come again, at least one."""
    return float(max(1, ceil(wait)))
