"""How is xAI called? As OpenAI is, but for images.

Reference: xAI's REST documentation of November 2026. Its edits are JSON, and it refuses an image in an answer of status 200.
"""

from __future__ import annotations

from time import time
from typing import Any

from providers.capabilities import Capability
from providers.offload import offload
from providers.openai_compatible.adapter import OpenAICompatibleAdapter, register_preset
from providers.openai_compatible.presets import CHAT, IMAGES, KEEPS, RESPONSES, Preset, paths
from providers.transport import Head, Transport
from providers.types import Call, Reply, ReplyStream, TargetConfig
from providers.wire import openai_image
from providers.xai import images

PRESET = Preset("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY", paths=paths(CHAT, IMAGES, RESPONSES), quirks=KEEPS)


class XaiAdapter(OpenAICompatibleAdapter):
    """One model of xAI."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config, PRESET)

    def head_for(self, capability: Capability) -> Head:
        return self.head(self.preset.paths[capability])

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self._images(call, transport, {})

    async def edit_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        addresses = await offload(len(call.body), openai_image.sources_of, call)
        return await self._images(call, transport, images.sources(addresses))

    async def _images(self, call: Call, transport: Transport, sources: dict[str, Any]) -> Reply | ReplyStream:
        values = openai_image.asked(call)
        taken, left = images.taken_of(values)
        lossy = self.left_out(call, left)
        sent = await offload(len(call.body), self.made_body, {"model": self.config.upstream_model, **taken, **sources})
        body = self.good(await transport.fetch(self.request(call, sent)), call.wire)
        answer = await offload(len(body), images.answer_of, body, taken.get("response_format"), int(time()))
        return await self.answered(call, answer, lossy)


register_preset(PRESET, XaiAdapter, XaiAdapter)
