"""Which fields of the smaller requests does the gateway read? Older completions, moderations, rerank.

Formats: OpenAI OpenAPI document of August 2026, `/completions` and `/moderations`; Cohere's and Jina's `/rerank`, which
agree on `query`, `documents`, `top_n` and `results[{index, relevance_score}]`.
"""

from __future__ import annotations

import msgspec

from providers.wire.openai_chat.request import StreamOptions


class LongCompletionRequest(msgspec.Struct, kw_only=True):
    """The fields of a request beside its prompt."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


class CompletionRequest(LongCompletionRequest, kw_only=True):
    """`prompt` is a text, some texts, tokens, or some lists of tokens."""

    prompt: str | list[str | int | list[int]] | None = None


class ModerationRequest(msgspec.Struct):
    """`input` is a text, some texts, or some parts `{type: text | image_url}` of one thing."""

    input: str | list[str | dict[str, msgspec.Raw]]
    model: str | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


class RerankRequest(msgspec.Struct):
    """`query` and `documents` are texts, or objects where the upstream takes them."""

    model: str
    query: str | dict[str, msgspec.Raw]
    documents: list[str | dict[str, msgspec.Raw]]
    top_n: int | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


decode_completion = msgspec.json.Decoder(CompletionRequest).decode
decode_long_completion = msgspec.json.Decoder(LongCompletionRequest).decode
decode_moderation = msgspec.json.Decoder(ModerationRequest).decode
decode_rerank = msgspec.json.Decoder(RerankRequest).decode
"""All raise `msgspec.ValidationError` (which names the field) or `msgspec.DecodeError`."""
