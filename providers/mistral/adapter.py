"""How is Mistral called? As OpenAI is, but for moderation and transcription.

Reference: Mistral's OpenAPI document of 2026: `/moderations`, `/audio/transcriptions`.
"""

from __future__ import annotations

from types import MappingProxyType

from providers.bytes import sse
from providers.bytes.multipart import Form
from providers.bytes.patch import InvalidJson, fields_of, patch
from providers.capabilities import Capability
from providers.mistral import moderation, tool_ids
from providers.openai_compatible.adapter import OpenAICompatibleAdapter, register_preset
from providers.openai_compatible.either_form import OpenAIStream
from providers.openai_compatible.operators_fields import Changes
from providers.openai_compatible.presets import (
    CHAT,
    EMBEDDING,
    MAX_TOKENS,
    MODERATION,
    TRANSCRIPTION,
    Preset,
    Quirk,
    paths,
    renames,
)
from providers.refusals import NONE
from providers.transport import Pieces, Transport, UpstreamRequest
from providers.types import Call, Reply, ReplyStream, TargetConfig
from providers.wire.openai_transcription import format_of

PRESET = Preset(
    "mistral",
    "Mistral",
    "https://api.mistral.ai/v1",
    "MISTRAL_API_KEY",
    paths=paths(CHAT, EMBEDDING, MODERATION, TRANSCRIPTION),
    renames=renames(
        chat={**MAX_TOKENS, "seed": "random_seed"},
        embedding={"dimensions": "output_dimension", "user": ""},
        audio_transcription=dict.fromkeys(("prompt", "include", "chunking_strategy"), ""),
    ),
    quirks=frozenset({Quirk.NO_STREAM_OPTIONS}),
    transcripts=frozenset({"json", "verbose_json"}),
)
WITHOUT_SEGMENTS = ("json", "text")
EVENTS = MappingProxyType(
    {
        b'"transcription.text.delta"': ("transcript.text.delta", "delta"),
        b'"transcription.done"': ("transcript.text.done", "text"),
    }
)
"""OpenAI's events for Mistral's, and what they call the text."""


class MistralAdapter(OpenAICompatibleAdapter):
    """One model of Mistral."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config, PRESET)

    def body(self, call: Call, more: Changes | None = None, refused: frozenset[str] = NONE) -> bytes | Pieces:
        messages = tool_ids.messages_of(call.fields) if call.capability is Capability.CHAT else None
        return super().body(call, {"messages": messages, **(more or {})} if messages else more, refused)

    async def moderate(self, call: Call, transport: Transport) -> Reply:
        given = moderation.input_of(call.fields)
        reply = await self.json(call, transport, "results", {"input": given} if given else None)
        assert reply.fields is not None, "it is JSON"  # noqa: S101
        body = patch(reply.fields, {"results": moderation.results_of(reply.fields.raw("results") or b"")})
        return Reply(wire=reply.wire, body=body, fields=fields_of(body), lossy=reply.lossy)

    def asking(self, asked: str, has: frozenset[str]) -> dict[str, str | None]:
        """It answers with JSON whatever is asked for, with segments if they are wanted."""
        super().asking(asked, has)
        return {"response_format": None, "timestamp_granularities": None if asked in WITHOUT_SEGMENTS else "segment"}

    def encoded(self, call: Call, changes: dict[str, str | None]) -> UpstreamRequest:
        form = call.form or Form()
        if format_of(form) == "verbose_json" and form.first("timestamp_granularities"):  # the client has chosen
            changes = {name: value for name, value in changes.items() if name != "timestamp_granularities"}
        return super().encoded(call, changes)

    async def transcribe(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        answer = await super().transcribe(call, transport)
        return self.rewritten(answer, call, event_of, answer.lossy) if isinstance(answer, OpenAIStream) else answer


def event_of(frame: bytes) -> bytes:
    """OpenAI's event for one of Mistral's; those that it has none for are left out."""
    try:
        fields = fields_of(sse.data_of(frame) or b"")
    except InvalidJson:
        return frame
    kind = fields.raw("type") or b""
    if kind not in EVENTS:
        return b"" if kind.startswith(b'"transcription.') else frame
    name, text = EVENTS[kind]
    made = patch(fields, {"type": b'"%b"' % name.encode(), "text": None, text: fields.raw("text") or b'""'})
    return b"event: %b\n" % name.encode() + sse.frame_of(made)


register_preset(PRESET, MistralAdapter, MistralAdapter)
