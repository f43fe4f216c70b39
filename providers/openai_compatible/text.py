"""How does an OpenAI-compatible vendor answer with text, numbers and judgements? Chat, completions, embeddings,
moderations, rerank.

Formats: OpenAI's OpenAPI document of August 2026; for rerank, Cohere's and Jina's.
"""

from __future__ import annotations

from providers.aside import aside
from providers.errors import CallerError
from providers.openai_compatible.base import VendorBase
from providers.openai_compatible.presets import Preset, Quirk
from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream, TargetConfig, Wire
from providers.wire import openai_chat, openai_embedding, ranking


class TextMethods(VendorBase):
    """The capabilities whose requests and answers are JSON."""

    def __init__(self, config: TargetConfig, preset: Preset) -> None:
        super().__init__(config, preset)
        self._floats_only = Quirk.FLOATS_ONLY in preset.quirks

    async def chat(self, call: Call, transport: Transport) -> Reply:
        answer = await transport.fetch(self.request(call, self.body(call)))
        fields = await aside(len(answer.body), openai_chat.answer_of, self.good(answer, call), "choices")
        return Reply(wire=Wire.OPENAI_CHAT, body=answer.body, fields=fields, lossy=self.dropped(call))

    async def stream_chat(self, call: Call, transport: Transport) -> ReplyStream:
        return await self.stream(self.request(call, self.body(call)), call, transport)

    async def complete(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        if call.stream:
            return await self.stream(self.request(call, self.body(call)), call, transport)
        return await self.json(call, transport, "choices")

    async def embed(self, call: Call, transport: Transport) -> Reply:
        asked = openai_embedding.format_of(call.fields)
        reply = await self._embedded(call, transport)
        return await aside(len(reply.body), openai_embedding.in_format, reply, asked)

    async def _embedded(self, call: Call, transport: Transport) -> Reply:
        """The answer in whichever format. An upstream that refuses `encoding_format` is asked without it, from then on."""
        if self._floats_only or "encoding_format" not in call.fields.spans:
            return await self.json(call, transport, "data", {"encoding_format": None})
        try:
            return await self.json(call, transport, "data")
        except CallerError as error:
            if "encoding_format" not in f"{error.param} {error.message}":
                raise
        reply = await self.json(call, transport, "data", {"encoding_format": None})
        self._floats_only = True
        return reply

    async def rerank(self, call: Call, transport: Transport) -> Reply:
        if Quirk.RANKS_IN_DATA in self.preset.quirks:
            return ranking.in_results(await self.json(call, transport, "data"))
        return await self.json(call, transport, "results")

    async def moderate(self, call: Call, transport: Transport) -> Reply:
        return await self.json(call, transport, "results")
