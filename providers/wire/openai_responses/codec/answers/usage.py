"""How are tokens told in a response?

Format: OpenAI's OpenAPI document of November 2026, `usage` of responses; `providers/wire/openai/usage.py` has the other
spellings.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Used
from providers.canonical.extra import Extra, Json, Place
from providers.canonical.leftovers import is_same
from providers.types import Usage
from providers.wire.openai.usage import usage_in
from providers.wire.openai_responses.codec.words import WIRE, own

INPUT: Mapping[str, str] = MappingProxyType(
    {"audio_tokens": "audio_input", "text_tokens": "text_input", "image_tokens": "image_input"}
)
OUTPUT: Mapping[str, str] = MappingProxyType(
    {"audio_tokens": "audio_output", "text_tokens": "text_output", "image_tokens": "image_output",
     "accepted_prediction_tokens": "accepted_prediction", "rejected_prediction_tokens": "rejected_prediction"}
)  # fmt: skip
"""Details that are no field of their own, with their canonical names."""


def used_in(value: Any, place: Place) -> Used | None:
    """What was used, None if it cannot be counted."""
    if not isinstance(value, dict):
        return None
    tokens = usage_in(value) or Usage()
    details: dict[str, int] = {}
    for name, known in (("input_tokens_details", INPUT), ("output_tokens_details", OUTPUT)):
        given = value.get(name)
        told = given if isinstance(given, dict) else {}
        details |= {canonical: told[theirs] for theirs, canonical in known.items() if type(told.get(theirs)) is int}
        if type(told.get("cache_write_tokens")) is int:
            details["cache_write"] = told["cache_write_tokens"]
    total = value.get("total_tokens")
    used = Used(tokens=tokens, details=details, total=total if type(total) is int else None, place=place)
    made = usage_object(tokens)
    other = {name: said for name, said in value.items() if name not in made or not is_same(made[name], said)}
    absent = [name for name in made if name not in value]
    left = {name: said for name, said in (("rest", other), ("absent", absent)) if said}
    return Used(tokens=tokens, details=details, total=used.total, place=place, extra=Extra(WIRE, left) if left else None)


def usage_json(used: Used) -> Json:
    """The usage; as it came, if it came in this wire and nobody has counted otherwise."""
    made = usage_object(used.tokens) | (own.spelled(used.extra, "rest") or {})
    for name in own.spelled(used.extra, "absent") or ():
        del made[name]
    return made


def usage_object(usage: Usage) -> Json:
    """Tokens, with all fields that a response has."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
