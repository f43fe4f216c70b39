"""What does Mistral judge of a text, in OpenAI's words?

Reference: Mistral's OpenAPI document of 2026, `/moderations`: texts alone, categories of its own.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.patch import Fields
from providers.errors import InvalidResponse, Unsupported

OPENAIS = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
SAME = MappingProxyType(
    {
        "hate_and_discrimination": "hate",
        "dangerous_and_criminal_content": "illicit",
        "selfharm": "self-harm",
        "sexual": "sexual",
        "violence_and_threats": "violence",
    }
)
"""OpenAI's names of Mistral's categories; it has no others, and Mistral's stay beside them."""
_judgements = msgspec.json.Decoder(list[dict[str, Any]]).decode


def input_of(fields: Fields) -> bytes | None:
    """What to send as `input` where the client sent parts, which together are one input. Raises `Unsupported` for one that is
    no text."""
    value = msgspec.json.decode(fields.raw("input") or b"null")
    if not isinstance(value, list) or not any(isinstance(part, dict) for part in value):
        return None
    texts = [part.get("text") if isinstance(part, dict) else part for part in value]
    plain = [text for text in texts if isinstance(text, str)]
    if len(plain) < len(texts):
        raise Unsupported(400, "Mistral moderates text only.", code="unsupported_value", param="input")
    return msgspec.json.encode("\n".join(plain))


def results_of(raw: bytes) -> bytes:
    """The judgements with all of OpenAI's categories. Raises `InvalidResponse`."""
    try:
        return msgspec.json.encode([_judged(each) for each in _judgements(raw)])
    except (msgspec.DecodeError, AttributeError, TypeError) as error:
        raise InvalidResponse("the moderation results cannot be parsed") from error


def _judged(each: dict[str, Any]) -> dict[str, Any]:
    if "categories" not in each:
        return {"flagged": False, **each}
    categories, scores = each.get("categories") or {}, each.get("category_scores") or {}
    return {
        "flagged": any(categories.values()),
        **each,
        "categories": dict.fromkeys(OPENAIS, False) | categories | _named(categories),
        "category_scores": dict.fromkeys(OPENAIS, 0.0) | scores | _named(scores),
        "category_applied_input_types": {name: ["text"] for name in OPENAIS},
    }


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {SAME[name]: value for name, value in values.items() if name in SAME}
