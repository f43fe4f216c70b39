"""How are tokens told in chat, and what is left of a usage that is told otherwise?

Format: OpenAI's OpenAPI document of November 2026, `usage` of chat; `providers/wire/openai/usage.py` has the many other
spellings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Used
from providers.canonical.extra import Extra, Json, Place
from providers.canonical.leftovers import is_same
from providers.wire.openai.usage import usage_in
from providers.wire.openai_chat.codec.leftovers import spelled
from providers.wire.openai_chat.codec.words import WIRE

INPUT: Mapping[str, str] = MappingProxyType(
    {"audio_tokens": "audio_input", "text_tokens": "text_input", "image_tokens": "image_input"}
)
OUTPUT: Mapping[str, str] = MappingProxyType(
    {"audio_tokens": "audio_output", "text_tokens": "text_output", "image_tokens": "image_output",
     "accepted_prediction_tokens": "accepted_prediction", "rejected_prediction_tokens": "rejected_prediction"}
)  # fmt: skip
"""Details that are no field of their own, with their canonical names."""
WRITTEN = "cache_write_tokens"


def used_in(value: Any, place: Place, *, beside: bool = False) -> Used | None:
    """What was used, None if it cannot be counted. `beside` says that it stands in a place of a vendor's own."""
    tokens = usage_in(value)
    if tokens is None:
        return None
    details = dict(_details(value))
    total = value.get("total_tokens")
    used = Used(tokens=tokens, details=details, total=total if type(total) is int else None, place=place)
    extra = _difference(value, usage_json(used)) if not beside else {"beside": True}
    return Used(tokens=tokens, details=details, total=used.total, place=place, extra=Extra(WIRE, extra) if extra else None)


def _details(value: Json) -> Iterator[tuple[str, int]]:
    for name, known in (("prompt_tokens_details", INPUT), ("completion_tokens_details", OUTPUT)):
        given = value.get(name)
        told = given if isinstance(given, dict) else {}
        yield from ((canonical, told[chats]) for chats, canonical in known.items() if type(told.get(chats)) is int)


def _difference(given: Json, made: Json) -> Json:
    """What has to be done to the common form for it to be as it came."""
    other = {name: value for name, value in given.items() if name not in made or not is_same(made[name], value)}
    absent = [name for name in made if name not in given]
    return {name: value for name, value in (("rest", other), ("absent", absent)) if value}


def usage_json(used: Used) -> Json:
    """The usage; as it came, if it came in chat and nobody has counted otherwise."""
    tokens, details = used.tokens, used.details
    before = {"cached_tokens": tokens.cached_tokens} | _told(details, INPUT)
    if tokens.cache_write_tokens or "cache_write" in details:
        before[WRITTEN] = tokens.cache_write_tokens
    after = {"reasoning_tokens": tokens.reasoning_tokens} | _told(details, OUTPUT)
    made: Json = {
        "prompt_tokens": tokens.input_tokens,
        "completion_tokens": tokens.output_tokens,
        "total_tokens": tokens.input_tokens + tokens.output_tokens,
        "prompt_tokens_details": before,
        "completion_tokens_details": after,
    }
    made |= spelled(used.extra, "rest") or {}
    for name in spelled(used.extra, "absent") or ():
        del made[name]
    return made


def _told(details: Mapping[str, int], names: Mapping[str, str]) -> Json:
    return {chats: details[canonical] for chats, canonical in names.items() if canonical in details}
