"""How are tokens told in a message, and what is left of a usage that is told otherwise?

Format: Anthropic's reference of October 2026, `usage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Used
from providers.canonical.extra import Extra, Json, Place
from providers.types import Usage
from providers.wire.anthropic_messages.codec.words import WIRE, own
from providers.wire.anthropic_messages.usage import Counts, Details, Written, count

TIERS: Mapping[str, str] = MappingProxyType({"standard": "default"})
"""Service tiers of answers with another name here."""
NAMES: Mapping[str, str] = MappingProxyType({tier: name for name, tier in TIERS.items()})
CACHED: Mapping[str, str] = MappingProxyType(
    {"ephemeral_5m_input_tokens": "cache_write_5m", "ephemeral_1h_input_tokens": "cache_write_1h"}
)
COUNTED = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
NOTHING_USED = Usage()
NOTHING: Json = {"input_tokens": 0, "output_tokens": 0}
UNTOLD: Mapping[str, None] = MappingProxyType(
    dict.fromkeys(("cache_creation", "inference_geo", "output_tokens_details", "server_tool_use", "service_tier"))
)
"""Fields that the usage of every message has, and that only Anthropic can fill."""


def used_in(value: Any, place: Place) -> Used | None:
    """What was used, None if it cannot be counted. The usage itself is kept: as long as nobody counts otherwise it is told so."""
    if not isinstance(value, dict):
        return None
    given = value.get("output_tokens_details")
    details = Details(given.get("thinking_tokens")) if isinstance(given, dict) else None
    written = value.get("cache_creation")
    kept = Written(written.get("ephemeral_1h_input_tokens")) if isinstance(written, dict) else None
    counts = {name: value.get(name) for name in (*COUNTED, "service_tier")}
    tokens = Counts(**counts, output_tokens_details=details, cache_creation=kept).usage()
    if tokens is None:
        return None
    return Used(tokens=tokens, details=_details(value), place=place, extra=Extra(WIRE, {"usage": value, "tokens": tokens}))


def _details(value: Json) -> Mapping[str, int]:
    written, tools = value.get("cache_creation"), value.get("server_tool_use")
    told = {mine: written.get(name) for name, mine in CACHED.items()} if isinstance(written, dict) else {}
    if isinstance(tools, dict):
        told["web_searches"] = tools.get("web_search_requests")
    counted = ((name, count(number)) for name, number in told.items())
    return {name: number for name, number in counted if number is not None}


def tier_in(value: Any) -> str | None:
    """The service tier, which a usage tells."""
    tier = value.get("service_tier") if isinstance(value, dict) else None
    return TIERS.get(tier, tier) if isinstance(tier, str) else None


def usage_json(used: Used | None, tier: str | None = None) -> Json:
    """The usage; as it came, if it came in this wire and nobody has counted otherwise. A message always has one."""
    if used is None:
        return dict(NOTHING)
    if own.spelled(used.extra, "tokens") == used.tokens:
        came: Json = own.spelled(used.extra, "usage")
        return came
    made = usage_object(used.tokens)
    written = {name: used.details[mine] for name, mine in CACHED.items() if mine in used.details}
    if written:
        made["cache_creation"] = dict.fromkeys(CACHED, 0) | written
    return made | ({} if tier is None else {"service_tier": NAMES.get(tier, tier)})


def whole_usage(used: Used | None, tier: str | None) -> Json:
    """The usage of a message of another wire's answer, with all fields that Anthropic's clients may look for."""
    return {**UNTOLD, **usage_object(NOTHING_USED), **usage_json(used, tier)}


def usage_object(tokens: Usage) -> Json:
    """Tokens, with what belongs to the cache beside the input, of which it is no part here."""
    fresh = tokens.input_tokens - tokens.cached_tokens - tokens.cache_write_tokens
    made: Json = {
        "input_tokens": max(fresh, 0),
        "cache_creation_input_tokens": tokens.cache_write_tokens,
        "cache_read_input_tokens": tokens.cached_tokens,
        "output_tokens": tokens.output_tokens,
    }
    thought = {"output_tokens_details": {"thinking_tokens": tokens.reasoning_tokens}} if tokens.reasoning_tokens else {}
    return made | thought
