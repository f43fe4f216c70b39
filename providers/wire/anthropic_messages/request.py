"""How is a request to the Messages API read? Only what the gateway must know is decoded.

Format: Anthropic SDK 2.14, `types/message_create_params.py` and `types/message_count_tokens_params.py`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec


class CountRequest(msgspec.Struct):
    """The fields of a request to count tokens that the gateway reads; everything else passes as it came."""

    model: str
    messages: list[msgspec.Raw]
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


class MessageRequest(CountRequest, kw_only=True):
    """Those of a request for a message. `max_tokens` is required, and may be 0, which fills the cache and answers nothing."""

    max_tokens: Annotated[int, msgspec.Meta(ge=0)]
    stream: bool | None = None


_decode_message = msgspec.json.Decoder(MessageRequest).decode
_decode_count = msgspec.json.Decoder(CountRequest).decode


def decode_request(body: bytes) -> MessageRequest:
    """Raises `msgspec.ValidationError` (which names the field) or `msgspec.DecodeError`."""
    return _decode_message(body)


def decode_count_request(body: bytes) -> CountRequest:
    """As `decode_request`, for one whose tokens are to be counted."""
    return _decode_count(body)
