"""How are chunks of chat sent, and how does their stream end?

Format: OpenAI's OpenAPI document of November 2026: server-sent events without names, and `data: [DONE]`.
"""

from __future__ import annotations

import msgspec

from providers.bytes import sse
from providers.canonical.extra import Json
from providers.wire.openai.framing import DONE

ID_PREFIX = "chatcmpl"
CLOSING = sse.frame_of(DONE)


def frame_of(chunk: Json) -> bytes:
    """The frame of a chunk."""
    return sse.frame_of(msgspec.json.encode(chunk))
