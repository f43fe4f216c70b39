"""What do only TensorZero's files have? Its time-outs, retries, costs and defaults of provider types, in the catalog's terms.

Reference: TensorZero's configuration reference, `[models]`, `[models.x.providers.y]` and `[provider_types.x.defaults]`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import TypeVar

from models_catalog.changes.values import Lookup
from models_catalog.config.locations import read_location
from models_catalog.config.provider_types import ALIASES
from models_catalog.config.table import MILLION, Table

OTHER_SECTIONS = (
    "autopilot",
    "clickhouse",
    "evaluations",
    "experimentation",
    "functions",
    "gateway",
    "metrics",
    "object_storage",
    "optimizers",
    "postgres",
    "rate_limiting",
    "tools",
)
"""Sections that are no part of the catalog."""

DEFAULTS = "provider_types"
MODEL_MEMBERS = ("retries", "skip_relay")
PROVIDER_MEMBERS = (
    "api_type",
    "batch_cost",
    "cost",
    "discard_unknown_chunks",
    "include_encrypted_reasoning",
    "provider_tools",
    "timeouts",
)
"""Members by which a file is known as TensorZero's."""

INPUT = re.compile(r"/(prompt_tokens|input_tokens|promptTokenCount|inputTokens)$")
OUTPUT = re.compile(r"/(completion_tokens|output_tokens|candidatesTokenCount|outputTokens)$")
"""Where answers of OpenAI, Anthropic, Gemini and Bedrock have the tokens."""

RESPONSES = "responses"
API_TYPES = ("chat_completions", RESPONSES)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds; None where nothing is said."""

    first_byte: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class RouteExtra:
    """What a provider block says of its model; `prices` are those of tokens in and out."""

    place: str
    times: Times = Times()
    prices: tuple[Decimal | None, Decimal | None] = (None, None)
    by_responses: bool = False


def read_times(times: Table) -> Times:
    """`timeouts`: milliseconds for whole answers and for streams. There is one total time-out here: the larger."""
    whole = times.table("non_streaming") or Table({}, times.at("non_streaming"), times.findings)
    streamed = times.table("streaming") or Table({}, times.at("streaming"), times.findings)
    totals = [_seconds(times, "total_ms"), _seconds(whole, "total_ms"), _seconds(streamed, "total_ms")]
    first = _seconds(streamed, "ttft_ms")
    whole.close()
    streamed.close()
    known = [total for total in totals if total is not None]
    if len(set(known)) > 1:
        times.findings.warn(times.place, "there is one total time-out for streamed and other answers; the larger value is used")
    if first is not None and first < max(known, default=inf):
        times.findings.warn(
            streamed.at("ttft_ms"), "the first byte time-out of a model also applies to answers that are not streamed"
        )
    return Times(first, max(known, default=None))


def _seconds(table: Table, name: str) -> float | None:
    value = table.number(name, positive=True)
    return None if value is None else value / 1000


def read_extra(table: Table) -> RouteExtra:
    """What only TensorZero's provider blocks have."""
    times = table.table("timeouts")
    found = Times()
    if times is not None:
        found = read_times(times)
        times.close()
    prices = _cost(table)
    kind = table.text("api_type")
    if kind and kind not in API_TYPES:
        table.error("api_type", f"must be one of {', '.join(API_TYPES)}")
    return RouteExtra(table.place, found, (prices.get("input"), prices.get("output")), kind == RESPONSES)


def _cost(table: Table) -> dict[str, Decimal | None]:
    """`cost`: a list of prices, each for the number at a place of the answer. Tokens in and out have a price here."""
    value = table.raw("cost")
    found: dict[str, Decimal | None] = {}
    if value is not None and not isinstance(value, list):
        table.error("cost", "must be a list of tables")
    for index, item in enumerate(value if isinstance(value, list) else ()):
        entry = table.as_table(item, f"{table.at('cost')}[{index}]")
        if entry is not None:
            _add_price(entry, found)
    return found


def _add_price(entry: Table, found: dict[str, Decimal | None]) -> None:
    pointer = entry.text("pointer") or entry.text("pointer_nonstreaming")
    side = "input" if INPUT.search(pointer) else "output" if OUTPUT.search(pointer) else ""
    entry.skip("pointer_streaming", "pointer_nonstreaming", "required")
    if not side or side in found:
        entry.skip(*entry)
        entry.findings.ignore(entry.place, "is not imported: a model has one price for input tokens and one for output tokens")
    elif "cost_per_unit" in entry:
        found[side] = entry.price("cost_per_unit")
    else:
        found[side] = entry.price("cost_per_million", MILLION)
    entry.close()


def add_to_model(found: dict[str, Hashable], times: Table, extras: Sequence[RouteExtra], table: Table) -> None:
    """Adds what only TensorZero's files say of a model, in `timeouts` or in its provider blocks, where nothing else is said."""
    own = read_times(times)
    if found["input_price"] is None and found["output_price"] is None:
        for side, column in enumerate(("input_price", "output_price")):
            found[column] = largest(extras, [extra.prices[side] for extra in extras], "cost", table)
    if found["first_byte_timeout_s"] is None:
        blocks = [extra.times.first_byte for extra in extras]
        found["first_byte_timeout_s"] = own.first_byte or largest(extras, blocks, "ttft_ms", table)
    if found["total_timeout_s"] is None:
        blocks = [extra.times.total for extra in extras]
        found["total_timeout_s"] = own.total or largest(extras, blocks, "total_ms", table)


def largest(extras: Iterable[RouteExtra], values: Sequence[T | None], what: str, table: Table) -> T | None:
    """What the blocks of a model say of something that models have; the largest value where they differ."""
    known = [value for value in values if value is not None]
    if len(set(known)) > 1:
        where = ", ".join(extra.place for extra in extras)
        table.findings.warn(where, f"these routes of one model differ in {what}; the largest value is used for all")
    return max(known, default=None)  # type: ignore[type-var]


def read_defaults(root: Table) -> Mapping[str, Lookup]:
    """`[provider_types.TYPE.defaults]`: where the key of a type is when its block does not say."""
    found: dict[str, Lookup] = {}
    for name, section in root.tables(DEFAULTS):
        defaults = section.table("defaults")
        if defaults is not None:
            for member in ("api_key_location", "credential_location"):
                location = read_location(defaults, member, sdk=member == "credential_location")
                if location is not None:
                    found[ALIASES.get(name, name)] = location
            _ignore_rest(defaults)
        _ignore_rest(section)
    return found


def _ignore_rest(table: Table) -> None:
    for name in table.rest():
        table.findings.ignore(table.at(name), "is not imported: not part of the catalog")
