"""Which format do the requests to a path have? For recordings that do not say it, and for paths below any address."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.types import Wire

ENDS: Mapping[str, Wire] = MappingProxyType(
    {
        "/chat/completions": Wire.OPENAI_CHAT,
        "/completions": Wire.OPENAI_COMPLETION,
        "/responses": Wire.OPENAI_RESPONSES,
        "/embeddings": Wire.OPENAI_EMBEDDING,
        "/moderations": Wire.OPENAI_MODERATION,
        "/messages": Wire.ANTHROPIC_MESSAGES,
        "/rerank": Wire.RERANK,
        "/audio/speech": Wire.OPENAI_SPEECH,
        "/audio/transcriptions": Wire.OPENAI_TRANSCRIPTION,
        "/audio/translations": Wire.OPENAI_TRANSLATION,
        "/images/generations": Wire.OPENAI_IMAGE,
        "/images/edits": Wire.OPENAI_IMAGE_EDIT,
        "/images/variations": Wire.OPENAI_IMAGE_VARIATION,
        ":generateContent": Wire.GEMINI,
        ":streamGenerateContent": Wire.GEMINI,
        "/api/chat": Wire.OLLAMA,
    }
)
"""The longer ends first where one ends like another."""


def end_of(path: str) -> str:
    """How the path ends, as the table has it; "" if the table does not."""
    return next((end for end in ENDS if path.endswith(end)), "")


def wire_of_path(path: str) -> Wire | None:
    """The format, by how the path ends; None if it says nothing."""
    return ENDS.get(end_of(path))
