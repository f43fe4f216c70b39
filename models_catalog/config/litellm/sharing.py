"""How do the entries of one name share their requests? LiteLLM's routing strategies, orders and weights, as the catalog has them.

Entries of equal `order` share; those of a higher one take what these could not serve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from models_catalog.config.litellm.entry import Entry
from models_catalog.config.table import Table, nearest
from models_catalog.models.frozen import Settings
from models_catalog.models.model import Strategy

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "simple-shuffle": Strategy.WEIGHTED,
        "least-busy": Strategy.LEAST_BUSY,
        "latency-based-routing": Strategy.FASTEST,
        "cost-based-routing": Strategy.CHEAPEST,
        "usage-based-routing": Strategy.LEAST_BUSY,
        "usage-based-routing-v2": Strategy.LEAST_BUSY,
    }
)
NEAREST = frozenset({"usage-based-routing", "usage-based-routing-v2"})
"""Strategies that the catalog does not have, but one like them."""
DIGITS = 6


def strategy_of(settings: Table, default: Strategy) -> Strategy:
    """What `routing_strategy` says."""
    name = settings.text("routing_strategy")
    if not name:
        return default
    if name in NEAREST:
        nearby = f"{STRATEGIES[name]}, which is the nearest: by requests under way, not by tokens of the minute"
        settings.findings.warn(settings.at("routing_strategy"), f"{name} is imported as {nearby}")
    if name not in STRATEGIES:
        settings.error("routing_strategy", f"unknown strategy {name!r}{nearest(name, STRATEGIES)}")
    return STRATEGIES.get(name, default)


def strategy_for(entries: Sequence[Entry], asked: Strategy) -> Strategy:
    """The strategy of a model of these entries. By weight all routes would share: where only some do, the order goes first, and
    those of equal order share by weight in any case."""
    orders = len({entry.order for entry in entries})
    if len(entries) == orders or (asked is Strategy.WEIGHTED and orders > 1):
        return Strategy.ORDERED
    return asked


def shared(entries: Sequence[Entry], routes: Sequence[Settings]) -> list[Settings]:
    """The settings of routes with what their entries, in the same order, say of sharing and of limits."""
    if not entries:
        return []
    weights = _weights(entries)
    beside = [False, *(one.order == other.order for one, other in pairwise(entries))]
    return [
        settings.replaced(shares=shares, weight=weight, rpm=entry.rpm, tpm=entry.tpm, max_concurrent=entry.max_concurrent)
        for entry, settings, shares, weight in zip(entries, routes, beside, weights, strict=True)
    ]


def _weights(entries: Sequence[Entry]) -> list[float]:
    """As LiteLLM picks: by weight if there is one, else by requests a minute if all have these, else by tokens a minute."""
    if len(entries) == 1:
        return [1.0]
    if any(entry.weight is not None for entry in entries):
        return [1.0 if entry.weight is None else entry.weight for entry in entries]
    for limits in ([entry.rpm for entry in entries], [entry.tpm for entry in entries]):
        known = [limit for limit in limits if limit]
        if len(known) == len(entries):
            return [min(round(limit / min(known), DIGITS), 1e6) for limit in known]
    return [1.0] * len(entries)
