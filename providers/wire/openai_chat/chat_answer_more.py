"""What does a chat answer hold besides plain text and calls, and what of it has a response no word for?

Formats: OpenAI OpenAPI document of November 2026, `/chat/completions` (`audio`, `annotations`, `function_call`); OpenRouter's and
Gemini's `images` (`[{"type": "image_url", "image_url": {"url"}}]`, in a message as in a delta); Mistral's and others' content
in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.bytes.data_url import taken_apart
from providers.wire.openai_responses.tools import Json

REASONING = ("reasoning_content", "reasoning")
"""What vendors call the reasoning."""
CARRIED = frozenset(
    {"content", "refusal", "reasoning_content", "reasoning", "annotations", "tool_calls", "function_call", "images"}
)
SILENT = frozenset({"role", "name", "reasoning_details", "audio", "index", "type", "obfuscation", "tool_call_id", "phase"})
"""Fields that say nothing more, or are looked at apart."""
SAYING = ("audio", "content[]")
"""How the names begin of what says something to the user."""
TEXTS = ("text", "output_text")
THOUGHTS = ("thinking",)
IMAGES = ("image_url", "image", "output_image")


def text_of(content: Any) -> str:
    """The text of a content in parts, or of one that is a text itself."""
    if not isinstance(content, list):
        return content or ""
    return "".join(part.get("text") or "" for part in content if part.get("type") in TEXTS)


def thought_of(delta: Json) -> str:
    """The reasoning, by whatever name."""
    for name in REASONING:
        if isinstance(delta.get(name), str) and delta[name]:
            return str(delta[name])
    parts = delta.get("content")
    if not isinstance(parts, list):
        return ""
    return "".join(_thinking(part.get("thinking")) for part in parts if part.get("type") == "thinking")


def _thinking(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return "".join(part.get("text") or "" if isinstance(part, dict) else str(part or "") for part in parts)


def images_of(delta: Json) -> Iterator[str]:
    """The addresses of pictures."""
    content = delta.get("content")
    for part in (*(delta.get("images") or ()), *(content if isinstance(content, list) else ())):
        url = part.get("image_url") if isinstance(part, dict) else part
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str) and url:
            yield url


def transcript_of(delta: Json) -> str:
    """What is said in sound."""
    sound = delta.get("audio")
    told = sound.get("transcript") if isinstance(sound, dict) else None
    return told if isinstance(told, str) else ""


def image_item(item_id: str, url: str) -> Json | None:
    """The item of a picture; None for one that lies elsewhere."""
    parts = taken_apart(url)
    if parts is None:
        return None
    kind = {"jpg": "jpeg", "svg+xml": "svg"}.get(parts[0], parts[0])
    return {"id": item_id, "type": "image_generation_call", "status": "completed", "result": parts[1], "output_format": kind}


def left_out(delta: Json) -> Iterator[str]:
    """The names of what a response cannot tell."""
    for name, value in delta.items():
        if value and name not in CARRIED and name not in SILENT:
            yield name
    if isinstance(delta.get("audio"), dict) and delta["audio"].get("data"):
        yield "audio"
    content = delta.get("content")
    for part in content if isinstance(content, list) else ():
        if part.get("type") not in (*TEXTS, *THOUGHTS, *IMAGES):
            yield f"content[] ({part.get('type')})"
