"""What does a model cost at a moment? Price lists as they are compiled: rates by route, moment and service tier.

All rates are whole picodollars (10⁻¹² USD), so that costs are exact: a millionth of a dollar for a million tokens is one of them.
Of the rows that have begun, one says the rates: that of the route before that of the model, that of the tier before the standard
one's, a later one before an earlier one. What a row does not say of input and output, the model's own columns say.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

import msgspec

PICO = 10**12
MILLION = 10**6
PER_MILLION = frozenset(
    {
        "input",
        "output",
        "cached",
        "cached_audio",
        "cache_write",
        "cache_write_1h",
        "reasoning",
        "audio_input",
        "audio_output",
        "image_input",
        "image_output",
        "character",
    }
)
"""Rates that are given for a million of their unit; the others are given for one."""
STANDARD_TIERS = frozenset({"", "default", "standard", "auto", "on_demand"})
"""What vendors call the tier that is served where none is asked for."""


class Rates(msgspec.Struct, frozen=True, omit_defaults=True):
    """Picodollars for one token, request, image, second or character; None is not given. `over` has the rates of longer requests,
    by the tokens in that are exceeded, rising: they are those of all tokens of such a request."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cached_audio: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    request: int | None = None
    image: int | None = None
    audio_second: int | None = None
    character: int | None = None
    over: tuple[tuple[int, Rates], ...] = ()

    def at(self, input_tokens: int) -> Rates:
        """The rates of a request with so many tokens in."""
        return next((rates for most, rates in reversed(self.over) if input_tokens > most), self)

    def has_token_rates(self) -> bool:
        """Whether tokens have a price, be it that of one kind."""
        text = self.input is not None or self.output is not None
        return text or any(getattr(self, name) is not None for name in MEDIA_TOKEN_RATES)

    def is_by_request(self) -> bool:
        """Whether each request has a price, and nothing else does."""
        return self.request is not None and self == Rates(request=self.request)

    def is_free(self) -> bool:
        """Whether all rates that are given are 0."""
        given = [rate for name in RATES if (rate := getattr(self, name)) is not None]
        return bool(given) and not any(given) and all(rates.is_free() for _, rates in self.over)


MEDIA_TOKEN_RATES = ("audio_input", "audio_output", "image_input", "image_output")
"""Those of tokens beside text's; without any of these and of text's, tokens have no price."""
OVER = "over"
"""Where rows have the rates of long requests."""
RATES = tuple(name for name in Rates.__struct_fields__ if name != OVER)
"""What a price can be given for."""
NO_RATES = Rates()


class Prices(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rates of one moment, by service tier: `standard` is that of all tiers that `tiers` does not name."""

    standard: Rates = NO_RATES
    tiers: Mapping[str, Rates] = {}

    def of(self, tier: str) -> Rates:
        """The rates of a tier as the upstream names it."""
        if not self.tiers or tier in STANDARD_TIERS:
            return self.standard
        return self.tiers.get(tier.lower(), self.standard)

    def all(self) -> tuple[Rates, ...]:
        return (self.standard, *self.tiers.values())

    def __bool__(self) -> bool:
        return self != NO_PRICES


NO_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """One row: since `since` (seconds since the epoch, -inf for ever), of a route ("" all of them) and a tier ("" standard)."""

    rates: Rates
    since: float = float("-inf")
    route: str = ""
    tier: str = ""


class PriceList:
    """The prices of one model, of all its routes. Immutable; `at` is two look-ups."""

    __slots__ = ("_all", "_periods")

    def __init__(self, base: Rates = NO_RATES, rows: Iterable[DatedPrice] = ()) -> None:
        """`base` are the rates of the model's own columns. Of rows for the same moment, route and tier the last one counts."""
        found = tuple(rows)
        self._periods: Mapping[str, _Periods] = MappingProxyType(
            {route: _periods(base, found, route) for route in {"", *(row.route for row in found)}}
        )
        self._all = self._periods[""]

    def at(self, moment: float, route: str = "") -> Prices:
        """What a route costs at a moment, in seconds since the epoch; "" is any route that has no price of its own."""
        periods = self._periods.get(route, self._all)
        if not periods.starts:
            return periods.prices[0]
        return periods.prices[bisect_right(periods.starts, moment)]

    def rates(self, moment: float, tier: str = "", route: str = "") -> Rates:
        """The rates of one tier."""
        return self.at(moment, route).of(tier)

    def __bool__(self) -> bool:
        """Whether any price is known at any time."""
        return any(prices for periods in self._periods.values() for prices in periods.prices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PriceList) and other._periods == self._periods

    def __hash__(self) -> int:
        return hash(tuple(sorted((route, periods.starts) for route, periods in self._periods.items())))

    def __repr__(self) -> str:
        return f"PriceList({self._all.prices[-1]!r})"


@dataclass(frozen=True, slots=True)
class _Periods:
    """The prices between moments: there is one more of them than of `starts`."""

    starts: tuple[float, ...] = ()
    prices: tuple[Prices, ...] = field(default=(NO_PRICES,))


def _periods(base: Rates, rows: tuple[DatedPrice, ...], route: str) -> _Periods:
    mine = [row for row in rows if row.route in ("", route)]
    starts = sorted({row.since for row in mine if row.since != float("-inf")})
    return _Periods(tuple(starts), tuple(_prices(base, mine, moment) for moment in (float("-inf"), *starts)))


def _prices(base: Rates, rows: Iterable[DatedPrice], moment: float) -> Prices:
    """The prices of a moment: by tier the row of the route, or the model's, that began last."""
    begun = sorted((row for row in rows if row.since <= moment), key=lambda row: (bool(row.route), row.since))
    found = {row.tier: row.rates for row in begun}
    tiers = {tier: _over(base, rates) for tier, rates in found.items()}
    return Prices(tiers.pop("", base), tiers)


def _over(base: Rates, rates: Rates) -> Rates:
    """What the row does not say of input and output, the model's columns say."""
    missing = {name: getattr(base, name) for name in ("input", "output") if getattr(rates, name) is None}
    over = tuple((most, _over(base, longer)) for most, longer in rates.over)
    return msgspec.structs.replace(rates, over=over, **missing)


def rates_of(given: Mapping[str, Any]) -> Rates:
    """Rates of US dollars by unit, as rows and files have them; what is finer than a picodollar is rounded, halves up. What the
    rates of long requests do not say is as for short ones."""
    plain = {name: value for name, value in given.items() if name != OVER}
    longer = {int(most): rates_of(plain | dict(rates)) for most, rates in given.get(OVER, {}).items()}
    found = {name: _pico(name, value) for name, value in plain.items() if value is not None}
    return Rates(**found, over=tuple(sorted(longer.items())))


def _pico(name: str, value: float | Decimal) -> int:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    whole = exact * (PICO // MILLION if name in PER_MILLION else PICO)
    return int(whole.to_integral_value(ROUND_HALF_UP))


def dollars_of(name: str, rate: int) -> Decimal:
    """A rate as rows have it: US dollars for a million, or for one."""
    return (Decimal(rate) / (PICO // MILLION if name in PER_MILLION else PICO)).normalize()


NO_PRICE_LIST = PriceList()
