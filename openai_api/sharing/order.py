"""In which order does a request try the targets that share? By the model's strategy, beginning where requests like it went.

The first group of targets comes first, and then the next; in each the strategy decides, and the rest follows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import time

from models_catalog.route_groups import Group
from models_catalog.snapshot import ModelEntry, Strategy
from openai_api.sharing.pace import Paces
from openai_api.sharing.prices import Costs
from openai_api.sharing.weights import at_random, by_seed
from providers.types import Target

ABOVE_PART = 1.25
"""How much more than its part a target may have at once where a key leads to it."""
ABOVE_FASTEST = 1.5
"""How much longer than the fastest a target may take where a key leads to it."""

Measured = tuple[Sequence[float], float]
"""How far back each target of a group stands, and how far back one may stand that a key leads to."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Where a request would go by itself: `seed` stands for what it is part of, None if nobody knows; `kept` is the circuit of
    the target that has served that last, "" if that is where the seed leads. `streamed` says how its answer comes."""

    seed: int | None = None
    kept: str = ""
    streamed: bool = False


class Order:
    """Orders targets by what is measured of them: `running` are the requests at each, by its id."""

    def __init__(self, running: Mapping[str, int], paces: Paces) -> None:
        self._running = running
        self._paces = paces
        self._costs = Costs()
        self._measures: Mapping[Strategy, Callable[[ModelEntry, Group, bool], Measured]] = {
            Strategy.LEAST_BUSY: self._by_load,
            Strategy.FASTEST: self._by_pace,
            Strategy.CHEAPEST: self._by_price,
        }

    def of(self, leg: ModelEntry, groups: Iterable[Group], wish: Wish) -> Iterator[Target]:
        """The targets of the groups of a model, each worked out when it is asked for."""
        measure = self._measures.get(leg.strategy)
        for group in groups:
            if len(group.targets) == 1:
                yield group.targets[0]
            elif measure is not None:
                yield from self._measured(group, measure(leg, group, wish.streamed), wish, leg.strategy)
            else:
                yield from _with_first(group, wish.kept, _by_weight(group, wish.seed))

    def _measured(self, group: Group, measured: Measured, wish: Wish, strategy: Strategy) -> Iterator[Target]:
        """By what was measured, alike ones by weight."""
        costs, near = measured
        by_target = dict(zip((target.id for target in group.targets), costs, strict=True))
        drawn = list(_by_weight(group, wish.seed))
        taking, spare = drawn[: len(group.weights)], drawn[len(group.weights) :]
        order = sorted(taking, key=lambda target: by_target[target.id])
        if wish.seed is not None:
            led_to = next((target for target in taking if by_target[target.id] <= near), order[0])
            order.remove(led_to)
            order.insert(0, led_to)
        kept = wish.kept
        if kept and strategy is Strategy.CHEAPEST:  # a cache that is warm elsewhere is no reason to pay more
            kept = next((target.circuit for target in taking if target.circuit == kept and by_target[target.id] <= near), "")
        return _with_first(group, kept, iter([*order, *spare]))

    def _by_load(self, leg: ModelEntry, group: Group, streamed: bool) -> Measured:
        running = [self._running.get(target.id, 0) for target in group.targets]
        costs = [count / weight for count, weight in zip(running, group.weights, strict=False)]
        costs += running[len(costs) :]
        return costs, ABOVE_PART * (sum(running) + 1) / group.sums[-1]

    def _by_pace(self, leg: ModelEntry, group: Group, streamed: bool) -> Measured:
        expected, least = self._paces.expected([target.circuit for target in group.targets], streamed=streamed)
        return expected, ABOVE_FASTEST * least

    def _by_price(self, leg: ModelEntry, group: Group, streamed: bool) -> Measured:
        costs = self._costs.of(leg, group, time())
        return costs, min(costs)


def _by_weight(group: Group, seed: int | None) -> Iterator[Target]:
    return at_random(group) if seed is None else iter(by_seed(group, seed))


def _with_first(group: Group, kept: str, order: Iterator[Target]) -> Iterator[Target]:
    """The order, with the target of that circuit before all others, if it is one of the group."""
    first = next((target for target in group.targets if target.circuit == kept), None) if kept else None
    if first is None:
        yield from order
    else:
        yield first
        yield from (target for target in order if target is not first)
