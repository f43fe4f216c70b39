"""Which requests are calls that hooks and observers understand? Those whose path and body say so; all others pass unread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from openai_api.context import Inbound
from openai_api.endpoints import (
    chat_completions,
    completions,
    embeddings,
    image_generations,
    messages,
    moderations,
    rerank,
    responses,
    speech,
)
from providers.recordings.paths import wire_of_path
from providers.types import Call, Wire

DECODERS: Mapping[Wire, Callable[[Inbound], Call]] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: chat_completions.decode,
        Wire.OPENAI_COMPLETION: completions.decode,
        Wire.OPENAI_RESPONSES: responses.decode,
        Wire.OPENAI_EMBEDDING: embeddings.decode,
        Wire.OPENAI_MODERATION: moderations.decode,
        Wire.OPENAI_SPEECH: speech.decode,
        Wire.OPENAI_IMAGE: image_generations.decode,
        Wire.ANTHROPIC_MESSAGES: messages.decode,
        Wire.RERANK: rerank.decode,
    }
)
"""The formats whose requests are JSON and name their model. Forms pass unread: files may be large."""
CODED = (b"content-encoding",)


def decoder_of(inbound: Inbound) -> Callable[[Inbound], Call] | None:
    """What reads the request; None if nothing does."""
    wire = wire_of_path(inbound.path) if inbound.method == "POST" else None
    if wire is None or any(inbound.headers.get(name, b"identity") != b"identity" for name in CODED):
        return None
    return DECODERS.get(wire)
