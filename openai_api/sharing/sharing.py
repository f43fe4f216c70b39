"""What does a worker know of targets that share or have limits? Who is asked next, who is full, and how often either was so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from math import inf
from time import perf_counter, time
from typing import NamedTuple

from models_catalog.snapshot import ModelEntry, Strategy
from openai_api.errors import Headers
from openai_api.limits.admission import Asking
from openai_api.recording.events import Record
from openai_api.sharing.affinity import Moved, key_of, key_of_response
from openai_api.sharing.order import Order, Wish
from openai_api.sharing.pace import Paces
from openai_api.sharing.prices import price_of
from openai_api.sharing.route_limits import RouteLimits, RoutePlace
from openai_api.sharing.weights import by_seed, seed_of
from providers.breaker import Breakers
from providers.capabilities import Capability
from providers.errors import RouteFull
from providers.types import Target


class RouteCounts(NamedTuple):
    """Of one target, by this worker: requests that run, tries since it began, and how often it was passed over, being full."""

    running: int
    tried: int
    passed_over: int


class Standing(NamedTuple):
    """Of one target, by this worker: requests that run, the seconds that it is expected to take to its first token, and what a
    request of usual size costs, in picodollars; None where that is not known."""

    running: int
    pace_s: float | None
    price: float | None


class Sharing:
    """Belongs to the event loop, but for `keep` and `counts`."""

    def __init__(self, breakers: Breakers, limits: RouteLimits) -> None:
        self.limits = limits
        self._breakers = breakers
        self._paces = Paces()
        self._moved = Moved()
        self._running: dict[str, int] = {}
        self._tried: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._order = Order(self._running, self._paces)

    def order(self, asking: Asking, leg: ModelEntry, capability: Capability) -> Iterator[Target]:
        """The targets of a model that has some that share, in the order in which the request tries them."""
        return self._order.of(leg, leg.groups[capability], self._wish(asking, leg))

    def standing(self, leg: ModelEntry, target: Target, *, streamed: bool) -> Standing:
        """What the order is made of."""
        (pace,), _ = self._paces.expected([target.circuit], streamed=streamed)
        price = price_of(leg, target, time())
        return Standing(self._running.get(target.id, 0), pace if 0.0 < pace < inf else None, price if price < inf else None)

    async def enter(self, asking: Asking, leg: ModelEntry, target: Target) -> Turn:
        """The request's turn at a target. Raises `RouteFull`."""
        try:
            place = await self.limits.enter(asking, leg, target)
        except RouteFull:
            self._passed[target.id] += 1
            raise
        self._running[target.id] = self._running.get(target.id, 0) + 1
        self._tried[target.id] += 1
        if leg.strategy is Strategy.FASTEST:
            self._paces.asked(target.circuit, streamed=asking.call.stream)
        return Turn(self, asking, leg, target, place)

    def began(self, asking: Asking, leg: ModelEntry, target: Target, seconds: float) -> None:
        """A target has begun to answer."""
        call = asking.call
        if leg.strategy is Strategy.FASTEST:
            self._paces.heard(target.circuit, seconds, streamed=call.stream)
        if not leg.affinity:
            return
        group = next((group for group in leg.groups.get(call.capability, ()) if target in group.targets), None)
        if group is None or len(group.targets) == 1:
            return
        if not (key := key_of(call, asking.record, asking.client)):
            if response := call.response.id:
                self._moved.put(key_of_response(response, asking.client), target.circuit)
        elif by_seed(group, seed_of(key))[0] is target:
            self._moved.drop(key)
        else:
            self._moved.put(key, target.circuit)

    def ended(self, target: Target) -> None:
        """A request is no longer at a target."""
        left = self._running.get(target.id, 0) - 1
        if left > 0:
            self._running[target.id] = left
        else:
            self._running.pop(target.id, None)

    def counts(self) -> dict[str, RouteCounts]:
        """What is counted of targets, by their ids. For any thread."""
        ids = {*tuple(self._tried), *tuple(self._passed)}
        return {name: RouteCounts(self._running.get(name, 0), self._tried[name], self._passed[name]) for name in ids}

    def keep(self, circuits: Collection[str], targets: Collection[str]) -> None:
        """Forgets all but these circuits and ids of targets. For any thread."""
        self._paces.keep(circuits)
        self.limits.keep(targets)
        for counter in (self._tried, self._passed):
            for name in tuple(counter):
                if name not in targets:
                    counter.pop(name, None)

    def _wish(self, asking: Asking, leg: ModelEntry) -> Wish:
        call = asking.call
        if not leg.affinity:
            return Wish(streamed=call.stream)
        key = key_of(call, asking.record, asking.client)
        known = key or key_of_response(call.response.previous_id or "", asking.client)
        kept = self._moved.get(known) if known else ""
        if kept and self._breakers.rests(kept):
            self._moved.drop(known)
            kept = ""
        return Wish(seed_of(key) if key else None, kept, call.stream)


class Turn:
    """What a request holds at a target while it is tried, and until its answer has ended."""

    __slots__ = ("_asking", "_entered", "_leg", "_place", "_sharing", "_target")

    def __init__(self, sharing: Sharing, asking: Asking, leg: ModelEntry, target: Target, place: RoutePlace | None) -> None:
        self._sharing, self._asking, self._leg, self._target, self._place = sharing, asking, leg, target, place
        self._entered = perf_counter()

    @property
    def head(self) -> Headers:
        """Limits of a route are nothing that clients are told."""
        return ()

    def began(self) -> None:
        """The target has begun to answer."""
        self._sharing.began(self._asking, self._leg, self._target, perf_counter() - self._entered)

    def settle(self, record: Record) -> None:
        """The answer has ended."""
        self._sharing.ended(self._target)
        if self._place is not None:
            self._place.settle(record)

    def give_back(self) -> None:
        """The try has failed."""
        self._sharing.ended(self._target)
        if self._place is not None:
            self._place.give_back()
