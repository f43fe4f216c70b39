"""How are chunks of Gemini's sent, and how does their stream end?

Format: `streamGenerateContent?alt=sse`: server-sent events without names, which end with the body. Without `alt=sse` the same
chunks are the items of one JSON array.
"""

from __future__ import annotations

import msgspec

from providers.bytes import sse
from providers.canonical.extra import Json

ID_PREFIX = "gen"
CLOSING = b""


def frame_of(chunk: Json) -> bytes:
    """The frame of a chunk."""
    return sse.frame_of(msgspec.json.encode(chunk))
