"""How many tokens does an answer say it used? In either of OpenAI's spellings, and those of who copied them.

Formats: `usage` of chat and embeddings (`prompt_tokens`, `completion_tokens`), of audio and images (`input_tokens`,
`output_tokens`), of rerankers (`total_tokens` alone); Groq's `x_groq.usage`, on the last chunk of a stream.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from providers.types import Usage
from providers.wire.patch import Fields, InvalidJson, fields_of

BYTES_PER_TOKEN = 4
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Details(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Groq(msgspec.Struct):
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Usage | None).decode
_decode_groq = msgspec.json.Decoder(_Groq | None).decode


def groqs_own(fields: Fields) -> bytes | None:
    """The JSON of a usage that stands in Groq's place alone."""
    if fields.raw("usage") not in (None, b"null"):
        return None
    try:
        return fields_of(fields.raw("x_groq") or b"{}").raw("usage")
    except InvalidJson:
        return None


def estimated_tokens(size: int) -> int:
    """How many tokens that many bytes of text are likely to be, where nobody counts them."""
    return size // BYTES_PER_TOKEN


def usage_of(fields: Fields) -> Usage | None:
    """The usage of an answer, a chunk or an event; None when it is absent, null or unreadable, or counts no tokens."""
    try:
        usage = _decode(fields.raw("usage") or b"null") or _of_groq(fields)
    except msgspec.DecodeError:
        return None
    if usage is None:
        return None
    sent = usage.prompt_tokens if usage.prompt_tokens is not None else usage.input_tokens
    received = usage.completion_tokens if usage.completion_tokens is not None else usage.output_tokens
    if sent is None and received is None:
        sent = usage.total_tokens
    before = usage.prompt_tokens_details or usage.input_tokens_details
    after = usage.completion_tokens_details or usage.output_tokens_details
    if sent is received is before is after is None:
        return None
    return Usage(
        input_tokens=sent or 0,
        output_tokens=received or 0,
        cached_tokens=(before.cached_tokens if before else 0) or 0,
        reasoning_tokens=(after.reasoning_tokens if after else 0) or 0,
        cache_write_tokens=(before.cache_write_tokens if before else 0) or 0,
    )


def _of_groq(fields: Fields) -> _Usage | None:
    groq = _decode_groq(fields.raw("x_groq") or b"null") if "x_groq" in fields.spans else None
    return groq.usage if groq else None
