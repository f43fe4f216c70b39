"""How is speech asked for, and what kind of sound comes back?

Format: OpenAI OpenAPI document of August 2026, `/audio/speech`: JSON in, sound or `speech.audio.*` events out.
"""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from providers.bytes.patch import Fields
from providers.transport import Headers, find_header
from providers.types import EVENT_STREAM

CONTENT_TYPES = MappingProxyType(
    {
        "mp3": b"audio/mpeg",
        "opus": b"audio/opus",
        "aac": b"audio/aac",
        "flac": b"audio/flac",
        "wav": b"audio/wav",
        "pcm": b"audio/pcm",
    }
)
MAX_CHARACTERS = 4096
SLOWEST, FASTEST = 0.25, 4.0


class SpeechRequest(msgspec.Struct):
    """The fields of a request that the gateway reads; everything else passes as it came. `voice` is a name or an object
    with an `id`."""

    model: str
    input: str
    voice: str | dict[str, msgspec.Raw]
    response_format: str | None = None
    speed: float | None = None
    stream_format: str | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


decode_request = msgspec.json.Decoder(SpeechRequest).decode
"""Raises `msgspec.ValidationError` (which names the field) or `msgspec.DecodeError`."""


def format_of(fields: Fields) -> str:
    """The `response_format` that a request asks for."""
    raw = fields.raw("response_format")
    return msgspec.json.decode(raw, type=str) if raw and raw != b"null" else "mp3"


def content_type_of(headers: Headers, fields: Fields) -> bytes:
    """What the client is told: what the upstream said, if it is a sound or events, else what was asked for; `b""` if the
    upstream sent something that is neither."""
    said = (find_header(headers, b"content-type") or b"").split(b";")[0].strip().lower()
    if said == b"text/event-stream":
        return EVENT_STREAM
    if said.startswith(b"audio/"):
        return said
    if said in (b"", b"application/octet-stream", b"binary/octet-stream"):
        return CONTENT_TYPES.get(format_of(fields), b"application/octet-stream")
    return b""
