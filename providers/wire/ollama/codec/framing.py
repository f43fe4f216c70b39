"""How are the lines of a stream sent, and how does it end? Format: newline-delimited JSON; the last line says `"done": true`."""

from __future__ import annotations

import msgspec

from providers.bytes import ndjson
from providers.canonical.extra import Json

ID_PREFIX = "ollama"
"""Answers have no ids; the gateway's own of a converted one begins so."""
CLOSING = b""


def frame_of(line: Json) -> bytes:
    """A line as it is sent."""
    return ndjson.frame_of(msgspec.json.encode(line))
