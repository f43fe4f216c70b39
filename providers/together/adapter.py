"""How is Together called? As OpenAI is, but for speech and images.

Reference: Together's OpenAPI document of 2026-04-28. Its older address, `https://api.together.xyz/v1`, does the same.
"""

from __future__ import annotations

from time import time
from types import MappingProxyType
from typing import Any

import msgspec

from providers.capabilities import Capability
from providers.errors import InvalidResponse
from providers.offload import offload
from providers.openai_compatible.adapter import OpenAICompatibleAdapter, register_preset
from providers.openai_compatible.audio import SoundAsEvents
from providers.openai_compatible.images import JSON, pictures_of
from providers.openai_compatible.presets import (
    EMBEDDING,
    FLOATS_ONLY,
    GENERATION,
    LISTENING,
    MAX_TOKENS,
    RERANK,
    SPEECH,
    TEXT,
    Preset,
    paths,
    renames,
)
from providers.together import images, speech
from providers.transport import Transport, UpstreamRequest
from providers.types import EVENT_STREAM, Call, Reply, ReplyStream, TargetConfig
from providers.wire import openai_image

EDITS = MappingProxyType({Capability.IMAGE_EDIT: "/images/generations"})
PRESET = Preset(
    "together",
    "Together",
    "https://api.together.ai/v1",
    "TOGETHER_API_KEY",
    paths=paths(TEXT, EMBEDDING, RERANK, LISTENING, SPEECH, GENERATION, EDITS),
    renames=renames(
        chat=MAX_TOKENS,
        text_to_speech={"speed": "", "instructions": ""},
        image_generation=dict.fromkeys(images.UNKNOWN, ""),
    ),
    quirks=FLOATS_ONLY,
    transcripts=frozenset({"json", "verbose_json"}),
)


class TogetherAdapter(OpenAICompatibleAdapter):
    """One model of Together."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config, PRESET)

    async def speak(self, call: Call, transport: Transport) -> ReplyStream:
        stream = await self.sound(call, transport, speech.changes_of(call, self.config.upstream_model))
        if not call.stream:
            return stream
        if stream.content_type is EVENT_STREAM:
            return self.rewritten(stream, call, speech.event_of, stream.lossy)
        return SoundAsEvents(stream)

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        request = self.request(call, self.body(call, images.changes_of(call.fields)))
        return await self._pictures(request, call, transport, self.dropped(call))

    async def edit_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        addresses = await offload(len(call.body), openai_image.sources_of, call)
        asked, left = images.edit_of(self.asked(call), addresses, stream=call.stream)
        lossy = (*self.dropped(call), *self.left_out(call, left))
        sent = await offload(len(call.body), self.made_body, {"model": self.config.upstream_model, **asked})
        return await self._pictures(self.request(call, sent, content_type=JSON), call, transport, lossy)

    async def _pictures(
        self, request: UpstreamRequest, call: Call, transport: Transport, lossy: tuple[str, ...]
    ) -> Reply | ReplyStream:
        body = self.good(await transport.fetch(request), call.wire)
        await offload(len(body), pictures_of, body)
        answer: dict[str, Any] = await offload(len(body), msgspec.json.decode, body)
        try:
            items = images.items_of(answer)
        except (TypeError, AttributeError) as error:
            raise InvalidResponse("the images cannot be read") from error
        made = await offload(len(body), openai_image.answer, items, openai_image.format_of(call), int(time()))
        return await self.answered(call, made, lossy)


register_preset(PRESET, TogetherAdapter, TogetherAdapter, lacks=images.lacks)
