"""What do LiteLLM's files bill besides tokens in and out? US dollars for one of each, in `model_info` or `litellm_params`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from models_catalog.changes.prices import PriceState
from models_catalog.config.table import Table
from models_catalog.models.frozen import freeze, thaw
from models_catalog.tariffs import MILLION, OVER, PER_MILLION

NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "cache_read_input_token_cost": ("", "cached"),
        "cache_creation_input_token_cost": ("", "cache_write"),
        "cache_creation_input_token_cost_above_1hr": ("", "cache_write_1h"),
        "cache_read_input_audio_token_cost": ("", "cached_audio"),
        "output_cost_per_reasoning_token": ("", "reasoning"),
        "input_cost_per_audio_token": ("", "audio_input"),
        "output_cost_per_audio_token": ("", "audio_output"),
        "input_cost_per_image_token": ("", "image_input"),
        "output_cost_per_image_token": ("", "image_output"),
        "output_cost_per_image": ("", "image"),
        "input_cost_per_second": ("", "audio_second"),
        "input_cost_per_character": ("", "character"),
        "input_cost_per_token_flex": ("flex", "input"),
        "output_cost_per_token_flex": ("flex", "output"),
        "cache_read_input_token_cost_flex": ("flex", "cached"),
        "input_cost_per_token_priority": ("priority", "input"),
        "output_cost_per_token_priority": ("priority", "output"),
        "cache_read_input_token_cost_priority": ("priority", "cached"),
    }
)
"""Each with the tier that it is for, and the rate."""
THRESHOLDS: Mapping[str, int] = MappingProxyType({"128k": 128_000, "200k": 200_000, "256k": 256_000, "272k": 272_000})
BY_LENGTH: Mapping[str, str] = MappingProxyType(
    {
        "input_cost_per_token": "input",
        "output_cost_per_token": "output",
        "cache_read_input_token_cost": "cached",
        "cache_creation_input_token_cost": "cache_write",
    }
)
ABOVE: Mapping[str, tuple[int, str]] = MappingProxyType(
    {f"{name}_above_{said}_tokens": (tokens, rate) for said, tokens in THRESHOLDS.items() for name, rate in BY_LENGTH.items()}
)
"""Each with the tokens in that a request must exceed, and the rate."""
FURTHER = (*NAMES, *ABOVE)
DIGITS = 9


def further_rates(params: Table, info: Table) -> str:
    """`{tier: {rate: dollars}}` as frozen JSON. What is in `model_info` goes before what is in `litellm_params`."""
    found: dict[str, dict[str, Any]] = {}
    for name, (tier, rate) in NAMES.items():
        if (told := _told(name, params, info)) is not None:
            found.setdefault(tier, {})[rate] = round(told * MILLION, DIGITS) if rate in PER_MILLION else told
    for name, (tokens, rate) in ABOVE.items():
        if (told := _told(name, params, info)) is not None:
            over = found.setdefault("", {}).setdefault(OVER, {}).setdefault(str(tokens), {})
            over[rate] = round(told * MILLION, DIGITS)
    return freeze(found)


def _told(name: str, params: Table, info: Table) -> float | None:
    return next((value for table in (info, params) if (value := table.number(name)) is not None), None)


def price_rows(routes: Sequence[tuple[str, str]]) -> tuple[PriceState, ...] | None:
    """The prices of a model of these routes, each with its rates: one for all where they are alike. None if there are none."""
    alike = len({rates for _, rates in routes}) == 1
    named = [("", routes[0][1])] if alike and routes else routes
    rows = [
        PriceState(route, "", tier, freeze(given), "litellm") for route, rates in named for tier, given in thaw(rates).items()
    ]
    return tuple(sorted(rows)) or None
