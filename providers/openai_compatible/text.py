"""How does an OpenAI-compatible vendor answer with text, numbers and judgements? Chat, completions, embeddings,
moderations, rerank.

Formats: OpenAI's OpenAPI document of August 2026; for rerank, Cohere's and Jina's.
"""

from __future__ import annotations

from functools import partial

from providers.offload import offload
from providers.openai_compatible.base import VendorBase
from providers.openai_compatible.either_form import OpenAIStream
from providers.openai_compatible.presets import Preset, Quirk
from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream, TargetConfig
from providers.wire import openai_embedding, ranking


class TextMethods(VendorBase):
    """The capabilities whose requests and answers are JSON."""

    def __init__(self, config: TargetConfig, preset: Preset) -> None:
        super().__init__(config, preset)
        self._floats_only = Quirk.FLOATS_ONLY in preset.quirks

    async def chat(self, call: Call, transport: Transport) -> Reply:
        return await self.json(call, transport, "choices")

    async def stream_chat(self, call: Call, transport: Transport) -> ReplyStream:
        return await self.text_stream(call, transport)

    async def text_stream(self, call: Call, transport: Transport) -> OpenAIStream:
        """The stream of a chat or a completion. An upstream that refuses to be asked for the usage is not asked for it."""
        added = () if "stream_options" in call.fields.spans else ("stream_options",)
        return await self.refusals.left_out(call.capability, added, partial(self._text_stream, call, transport))

    async def _text_stream(self, call: Call, transport: Transport, refused: frozenset[str]) -> OpenAIStream:
        return await self.stream(self.request(call, self.body(call, refused=refused)), call, transport)

    async def complete(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        if call.stream:
            return await self.text_stream(call, transport)
        return await self.json(call, transport, "choices")

    async def embed(self, call: Call, transport: Transport) -> Reply:
        """An upstream that refuses `encoding_format` is asked without it: the gateway makes either format of the other."""
        asked = openai_embedding.format_of(call.fields)
        ask = partial(self._embedded, call, transport)
        reply = await self.refusals.left_out(call.capability, ("encoding_format",), ask)
        return await offload(len(reply.body), openai_embedding.in_format, reply, asked)

    async def _embedded(self, call: Call, transport: Transport, refused: frozenset[str]) -> Reply:
        """The answer in whichever format."""
        without = self._floats_only or "encoding_format" in refused
        return await self.json(call, transport, "data", {"encoding_format": None} if without else None)

    async def rerank(self, call: Call, transport: Transport) -> Reply:
        if Quirk.RANKS_IN_DATA in self.preset.quirks:
            return ranking.in_results(await self.json(call, transport, "data"))
        return await self.json(call, transport, "results")

    async def moderate(self, call: Call, transport: Transport) -> Reply:
        return await self.json(call, transport, "results")
