"""What of a request in Gemini's own format must not be sent as it came? What another vendor has signed.

Gemini refuses a signature that it cannot read. Thoughts that another has signed are left out whole; a call passes without.
"""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json
from providers.canonical.signature import PREFIX
from providers.wire.gemini.codec.requests.conversation import let_pass
from providers.wire.gemini.codec.signatures import START, signature_of
from providers.wire.gemini.codec.spelling import camel, listed
from providers.wire.gemini.codec.words import WIRE

MARKS = (START.encode(), PREFIX.encode())
"""One of these stands in every request with a foreign signature, perhaps in others too."""
NAME = "contents[].parts[].thoughtSignature"


def may_be_foreign(body: bytes) -> bool:
    """Whether a request, as it came, may hold what another vendor has signed."""
    return any(mark in body for mark in MARKS)


def without_foreign(body: Json) -> tuple[Json, tuple[str, ...]]:
    """The request without foreign signatures, and their name if there were any."""
    contents = listed(body.get("contents"))
    if not isinstance(contents, list) or not any(map(_is_foreign_in, contents)):
        return body, ()
    made = [_cleaned(content) if _is_foreign_in(content) else content for content in contents]
    return {**body, "contents": [content for content in made if content is not None]}, (NAME,)


def _parts(content: Any) -> list[Any]:
    parts = listed(content.get("parts")) if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


def _is_foreign_in(content: Any) -> bool:
    return any(map(_is_foreign, _parts(content)))


def _is_foreign(part: Any) -> bool:
    text = camel(part).get("thoughtSignature") if isinstance(part, dict) else None
    return isinstance(text, str) and signature_of(text)[0].wire is not WIRE


def _cleaned(content: Json) -> Json | None:
    """The content without them; None if nothing is left of it."""
    parts: list[Any] = []
    for part in _parts(content):
        if not _is_foreign(part):
            parts.append(part)
        elif not part.get("thought"):
            parts.append({name: value for name, value in camel(part).items() if name != "thoughtSignature"})
    if any("functionCall" in part for part in parts if isinstance(part, dict)):
        let_pass(parts)
    return {**content, "parts": parts} if parts else None
