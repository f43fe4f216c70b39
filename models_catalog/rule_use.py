"""How much of limits and budgets is used, and what have keys and their owners asked for? Whoever counts tells it to the pages.

What is counted are no catalog rows: where nobody has told how to ask, nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from models_catalog.models import Budget, Limit


class Counted(NamedTuple):
    """A rule and the counter that is asked for: its own, or that of one of the keys or people that it counts apart."""

    rule: Limit | Budget
    counter: str


class Use(NamedTuple):
    """So much is used: `share` of the whole, of which 1 is all, and the same in words."""

    share: float
    words: str


class Asked(NamedTuple):
    """What somebody asked for in a time, which `period` names. `cost` is in US dollars; that of `unpriced` requests is not
    known."""

    period: str
    requests: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost: float
    unpriced: int


UseSource = Callable[[Sequence[Counted]], Mapping[str, Use]]
"""By the counters; what is not known is left out."""
TrafficSource = Callable[[str, Sequence[str], str], Sequence[Asked]]
"""By what is asked for ("key", "person", "project", "tenant"), the names that it has had, and the name of its tenant."""

_uses: list[UseSource] = []
_traffic: list[TrafficSource] = []


def tell_use(source: UseSource) -> None:
    """From now on this is asked for what is used of rules."""
    _uses[:] = [source]


def tell_asked(source: TrafficSource) -> None:
    """From now on this is asked for what was asked for."""
    _traffic[:] = [source]


def use_of(counted: Sequence[Counted]) -> Mapping[str, Use]:
    return _uses[0](counted) if _uses and counted else {}


def asked_for(kind: str, names: Sequence[str], tenant: str) -> Sequence[Asked]:
    return _traffic[0](kind, names, tenant) if _traffic else ()
