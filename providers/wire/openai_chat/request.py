"""How are OpenAI's chat completions read and patched? Only what the gateway must know is decoded.

Format: OpenAI OpenAPI document of August 2026, `/chat/completions`: one JSON object, or server-sent events that end
with `data: [DONE]`.
"""

from __future__ import annotations

import msgspec

from providers.bytes.patch import fields_of, patch


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class ChatRequest(msgspec.Struct):
    """The fields of a request that the gateway reads; everything else passes as it came."""

    model: str
    messages: list[msgspec.Raw]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


_decode_request = msgspec.json.Decoder(ChatRequest).decode


def decode_request(body: bytes) -> ChatRequest:
    """Raises `msgspec.ValidationError` (which names the field) or `msgspec.DecodeError`."""
    return _decode_request(body)


def asking_usage(stream_options: bytes | None) -> bytes:
    """The client's `stream_options` (JSON text), with usage asked for."""
    if stream_options is None or not stream_options.startswith(b"{"):
        return b'{"include_usage":true}'
    return patch(fields_of(stream_options), {"include_usage": b"true"})
