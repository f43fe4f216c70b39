"""What does `genai-prices` say that an upstream model costs? Read from the data in the package; nothing is fetched.

Format: genai-prices 0.2, `ModelInfo.prices` (US dollars by unit, or a list of them with the day from which each holds) and its
`price_variants`. Prices that depend on the length of a request are those of all its tokens once it is longer; those of an hour of
the day are left out. Nothing and 0 for sound, pictures and characters mean that nobody knows, not that they are free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib import metadata
from types import MappingProxyType
from typing import Any

from models_catalog.changes.prices import PriceState, moment_text
from models_catalog.models.frozen import freeze
from models_catalog.tariffs import OVER

PACKAGE = "genai-prices"
VENDORS: Mapping[str, str] = MappingProxyType(
    {
        "azure_openai": "azure",
        "openai_responses": "openai",
        "gemini": "google",
        "vertex": "google",
        "bedrock": "aws",
        "xai": "x-ai",
    }
)
"""Provider types that the library knows by another name."""
UNITS: tuple[tuple[str, str, Decimal], ...] = (
    ("input_mtok", "input", Decimal(1)),
    ("input_text_mtok", "input", Decimal(1)),
    ("output_mtok", "output", Decimal(1)),
    ("output_text_mtok", "output", Decimal(1)),
    ("cache_read_mtok", "cached", Decimal(1)),
    ("cache_audio_read_mtok", "cached_audio", Decimal(1)),
    ("cache_write_mtok", "cache_write", Decimal(1)),
    ("cache_write_5m_mtok", "cache_write", Decimal(1)),
    ("cache_write_1h_mtok", "cache_write_1h", Decimal(1)),
    ("output_reasoning_mtok", "reasoning", Decimal(1)),
    ("input_audio_mtok", "audio_input", Decimal(1)),
    ("output_audio_mtok", "audio_output", Decimal(1)),
    ("input_image_mtok", "image_input", Decimal(1)),
    ("output_image_mtok", "image_output", Decimal(1)),
    ("input_mchars", "character", Decimal(1)),
    ("input_audio_hours", "audio_second", Decimal(3600)),
    ("audio_hours", "audio_second", Decimal(3600)),
    ("requests_kcount", "request", Decimal(1000)),
    ("rerank_searches_kcount", "request", Decimal(1000)),
)
"""The library's names, ours, and how many of our units are in one of its; the first that is told counts."""
MAYBE_FREE = frozenset({"input", "output", "cached", "cache_write", "cache_write_1h", "reasoning", "request"})
DIGITS = 12


class NotInstalled(Exception):
    """The library is not there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the library says of one upstream model: `prices` in the order of time, and what was left out of them."""

    prices: tuple[PriceState, ...]
    left_out: tuple[str, ...] = ()


def source() -> str:
    """What rows of the library's name as their source. Raises `NotInstalled`."""
    try:
        return f"{PACKAGE} {metadata.version(PACKAGE)}"
    except metadata.PackageNotFoundError as error:
        raise NotInstalled from error


def find(vendor: str, api_base: str, upstream_model: str) -> Known | None:
    """The prices of a model of a provider of that type, or at that address; None for one that the library does not know. Raises
    `NotInstalled`."""
    told = source()
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    for named in ({"provider_id": VENDORS.get(vendor, vendor)}, {"provider_api_url": api_base or None}):
        if not any(named.values()):
            continue
        given = {"provider_id": None, "provider_api_url": None, **named}
        try:
            _, model = snapshot.find_provider_model(upstream_model, None, given["provider_id"], given["provider_api_url"])
        except LookupError:
            continue
        return _known(model, told)
    return None


def _known(model: Any, told: str) -> Known | None:
    left_out: set[str] = set()
    found: dict[tuple[str, str, str], PriceState] = {}
    standard: dict[str, Any] = {}
    for since, tier, prices in _dated(model, left_out):
        rates = _rates(prices)
        if tier:  # what a tier does not say is as in the standard one
            rates = {name: rate for name, rate in standard.items() if name != OVER} | rates
        else:
            standard = rates
        if rates:
            state = PriceState("", since, tier, freeze(rates), told)
            found[state.key] = state
    return Known(tuple(sorted(found.values())), tuple(sorted(left_out))) if found else None


def _dated(model: Any, left_out: set[str]) -> Iterator[tuple[str, str, Any]]:
    """The moments, tiers and prices of a model."""
    given = model.prices if isinstance(model.prices, list) else [None, model.prices]
    for one in filter(None, given):
        since = _since(getattr(one, "constraint", None), left_out)
        if since is not None:
            yield since, "", getattr(one, "prices", one)
    for variant in model.price_variants or ():
        since, tier = _since(variant.constraint, left_out), _tier(variant.when)
        if since is not None and tier:
            yield since, tier, variant.prices


def _since(constraint: Any, left_out: set[str]) -> str | None:
    """The moment from which a price holds, "" since ever; None for one that holds at some hours only."""
    if constraint is None:
        return ""
    start = getattr(constraint, "start_date", None)
    if start is None:
        left_out.add("prices of some hours of the day")
        return None
    return moment_text(datetime(start.year, start.month, start.day, tzinfo=UTC))


def _tier(when: Mapping[str, str]) -> str:
    """The service tier that alone chooses a variant, "" for what is no tier, and for the standard one."""
    if len(when) != 1:
        return ""
    (name, value), *_ = when.items()
    if name == "processing" and value == "batch":
        return "batch"
    return value if name == "service_tier" and value != "default" else ""


def _rates(prices: Any) -> dict[str, Any]:
    found, longest = _rates_at(prices, 0), {}
    for start in sorted({tier.start for value in _values(prices) for tier in getattr(value, "tiers", ())}):
        longer = {name: rate for name, rate in _rates_at(prices, start + 1).items() if found.get(name) != rate}
        if longer:
            longest[str(start)] = longer
    if any(found.values()) or not set(found) & {"input", "output"}:
        return found | ({OVER: longest} if longest else {})
    return _free(prices, found)


def _values(prices: Any) -> Iterator[Any]:
    return (getattr(prices, theirs, None) for theirs, _, _ in UNITS)


def _rates_at(prices: Any, tokens: int) -> dict[str, float]:
    """What a request with so many tokens in costs."""
    found: dict[str, float] = {}
    for theirs, ours, units in UNITS:
        value = getattr(prices, theirs, None)
        if value is None or ours in found:
            continue
        if hasattr(value, "base"):
            value = next((tier.price for tier in reversed(value.tiers) if tokens > tier.start), value.base)
        if value or ours in MAYBE_FREE:
            found[ours] = float(round(Decimal(value) / units, DIGITS))
    return found


def _free(prices: Any, found: dict[str, float]) -> dict[str, float]:
    """All is free, or nobody knows: what has a price of 0 for sound or pictures, too, is of the second kind."""
    media = any(getattr(prices, theirs, None) is not None for theirs, ours, _ in UNITS if ours not in MAYBE_FREE)
    return {} if media else found
