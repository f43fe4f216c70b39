"""What does a target cost, beside others? The price of a request of usual size, so that they can be compared."""

from __future__ import annotations

from math import inf

from models_catalog.route_groups import Group
from models_catalog.snapshot import ModelEntry
from providers.types import Target

KEPT_S = 10.0
"""How long a price is taken for the same: price lists change at moments that nobody tells."""
MOST_KEPT = 1000


class Costs:
    """The prices of groups, looked up now and then."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[ModelEntry, float, list[float]]] = {}

    def of(self, leg: ModelEntry, group: Group, now: float) -> list[float]:
        """The price of each target; `now` is in seconds since the epoch."""
        key = (leg.name, group.targets[0].id)
        known = self._found.get(key)
        if known is not None and known[0] is leg and 0.0 <= now - known[1] < KEPT_S:
            return known[2]
        if len(self._found) >= MOST_KEPT:
            self._found.clear()
        costs = [price_of(leg, target, now) for target in group.targets]
        self._found[key] = (leg, now, costs)
        return costs


def price_of(leg: ModelEntry, target: Target, now: float) -> float:
    """Picodollars for one request with three tokens in and one out, a picture, a second of sound and a character each, as far as
    these have prices; a target without any is the dearest."""
    rates = leg.prices.rates(now, route=target.id)
    known = [3 * rates.input if rates.input is not None else None]
    known += [rates.output, rates.request, rates.image, rates.audio_second, rates.character]
    prices = [price for price in known if price is not None]
    return float(sum(prices)) if prices else inf
