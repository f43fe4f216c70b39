"""How much has a key used, and how much is left to it? What `GET /v1/me/usage` is told, by whoever counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec

from models_catalog.snapshot import Client

PERIODS: Mapping[str, int] = MappingProxyType({"today": 1, "7_days": 7, "30_days": 30})
"""Days, with today. They begin at midnight UTC."""


class Used(msgspec.Struct):
    """What requests have used in a period. Costs are in US dollars; `unpriced` of the requests have no known price."""

    requests: int = 0
    failed: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0


class Line(NamedTuple):
    """What was used of one model with one key; "" for all of them."""

    key: str
    model: str
    used: Mapping[str, Used]


class Usage(NamedTuple):
    """`since` is when each period began, in seconds since the epoch. `models` are the largest of the lines of single models."""

    since: Mapping[str, float]
    keys: Sequence[Line]
    models: Sequence[Line]

    def total(self, period: str) -> Used:
        """What all keys have used."""
        total = Used()
        for used in (line.used[period] for line in self.keys):
            for name in Used.__struct_fields__:
                setattr(total, name, getattr(total, name) + getattr(used, name))
        return total


class UsageStore(Protocol):
    """Knows the requests that there were."""

    async def of_client(self, client: Client) -> Usage:
        """What the key has used, and those before it that it has replaced. Raises `StoreUnavailable`."""
        ...


class NoUsage:
    """Knows of no requests."""

    async def of_client(self, client: Client) -> Usage:
        return Usage(dict.fromkeys(PERIODS, 0.0), (), ())


class Left(NamedTuple):
    """Of a limit: how much may be used yet, and in how many seconds all of it may be; None where nobody knows, as only requests
    that run can give something back."""

    remaining: int
    reset_s: float | None


class Spent(NamedTuple):
    """Of a budget, in its unit: billionths of a US dollar, or tokens. `resets_at` is in seconds since the epoch, None: never."""

    spent: int
    held: int
    resets_at: float | None


class Figures(Protocol):
    """Knows what is counted of the rules of a client, by their ids. What it does not know it leaves out; it raises nothing."""

    async def limits(self, client: Client) -> Mapping[str, Left]: ...

    async def budgets(self, client: Client) -> Mapping[str, Spent]: ...

    async def gauges(self) -> Sequence[tuple[str, tuple[str, ...], float]]:
        """What metrics tell of budgets: name, labels, value; the same in every worker."""
        ...


class NoFigures:
    """Counts nothing."""

    async def limits(self, client: Client) -> Mapping[str, Left]:
        return {}

    async def budgets(self, client: Client) -> Mapping[str, Spent]:
        return {}

    async def gauges(self) -> Sequence[tuple[str, tuple[str, ...], float]]:
        return ()
