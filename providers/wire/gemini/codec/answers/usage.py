"""How are tokens told in Gemini's format?

Format: google-genai 3.6.1, `GenerateContentResponseUsageMetadata`; `providers/wire/gemini/usage.py` counts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Used
from providers.canonical.extra import Json, Place
from providers.wire.gemini.usage import usage_in

MODALITIES: Mapping[str, str] = MappingProxyType({"TEXT": "text", "AUDIO": "audio", "IMAGE": "image"})
SIDES: Mapping[str, str] = MappingProxyType({"promptTokensDetails": "input", "candidatesTokensDetails": "output"})
TOOL_USE = "tool_use_input"


def used_in(value: Any, place: Place = ()) -> Used | None:
    """What was used, None if it cannot be counted."""
    tokens = usage_in(value)
    if tokens is None:
        return None
    total = value.get("totalTokenCount")
    return Used(tokens=tokens, details=dict(_details(value)), total=total if type(total) is int else None, place=place)


def _details(value: Json) -> Iterator[tuple[str, int]]:
    for field, side in SIDES.items():
        told = value.get(field)
        for one in told if isinstance(told, list) else ():
            name = MODALITIES.get(str(one.get("modality"))) if isinstance(one, dict) else None
            if name is not None and type(one.get("tokenCount")) is int:
                yield f"{name}_{side}", one["tokenCount"]
    if type(value.get("toolUsePromptTokenCount")) is int and value["toolUsePromptTokenCount"]:
        yield TOOL_USE, value["toolUsePromptTokenCount"]


def usage_json(used: Used) -> Json:
    """The usage: thoughts stand beside the candidates' tokens, what tools have brought beside the prompt's."""
    tokens, details = used.tokens, used.details
    tools = details.get(TOOL_USE, 0)
    made: Json = {
        "promptTokenCount": tokens.input_tokens - tools,
        "candidatesTokenCount": max(tokens.output_tokens - tokens.reasoning_tokens, 0),
        "totalTokenCount": tokens.input_tokens + tokens.output_tokens,
    }
    more: Json = {
        "thoughtsTokenCount": tokens.reasoning_tokens,
        "cachedContentTokenCount": tokens.cached_tokens,
        "toolUsePromptTokenCount": tools,
    }
    for field, side in SIDES.items():
        more[field] = [
            {"modality": modality, "tokenCount": details[f"{name}_{side}"]}
            for modality, name in MODALITIES.items()
            if f"{name}_{side}" in details
        ]
    return made | {name: value for name, value in more.items() if value}
