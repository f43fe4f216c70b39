"""Have the fields of a request the types that they must have?

Format: OpenAI's OpenAPI document of November 2026, `/responses`. A response repeats what was asked, so what has another type is
refused before anything is made of it.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from providers.canonical.extra import Json
from providers.wire.openai_responses.codec.requests.settings import format_of, refused
from providers.wire.openai_responses.codec.requests.tools import choice_of

PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")


class _Typed(msgspec.Struct):
    """The types of the fields that another wire gets, or that the response repeats."""

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool | None = None
    store: bool | None = None
    background: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: Json | None = None
    instructions: str | list[Json] | None = None
    metadata: dict[str, str] | None = None
    tool_choice: str | Json | None = None
    tools: list[Json] | None = None
    text: Json | None = None
    reasoning: Json | None = None
    include: list[str] | None = None
    stream_options: Json | None = None


def check_types(request: Any) -> None:
    """Raises 400 for a field that has not the type or the value that it must have, with its name."""
    try:
        msgspec.convert(request, _Typed)
    except msgspec.ValidationError as error:
        text = str(error)
        place = PLACE.search(text)
        param = place["place"] if place else None
        raise refused(f"{PLACE.sub('', text)} in {param!r}.", param, "invalid_type") from error
    if request.get("text"):
        format_of(dict(request["text"]), ("text", "format"))
    if isinstance(request.get("tool_choice"), str):
        choice_of(request["tool_choice"])
