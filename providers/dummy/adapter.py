"""How is the offline provider called? As the script says, and then with an answer made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from providers.bytes.patch import fields_of
from providers.dummy import answers, chat, media
from providers.dummy.script import DummyStream, Script
from providers.protocols import wires_of
from providers.registry import ProviderType, register
from providers.transport import Transport
from providers.types import Call, Reply, TargetConfig


class DummyAdapter:
    """One scripted target."""

    returns_reasoning = False

    def __init__(self, config: TargetConfig) -> None:
        self.config = config
        self._script = Script(config.upstream_model)

    async def chat(self, call: Call, transport: Transport) -> Reply:
        return await self._whole(call, chat.chat)

    async def stream_chat(self, call: Call, transport: Transport) -> DummyStream:
        return await self._events(call, chat.chat_events)

    async def complete(self, call: Call, transport: Transport) -> Reply | DummyStream:
        if call.stream:
            return await self._events(call, answers.completion_events)
        return await self._whole(call, answers.completion)

    async def embed(self, call: Call, transport: Transport) -> Reply:
        return await self._whole(call, answers.embeddings)

    async def moderate(self, call: Call, transport: Transport) -> Reply:
        return await self._whole(call, answers.moderation)

    async def rerank(self, call: Call, transport: Transport) -> Reply:
        return await self._whole(call, answers.rerank)

    async def speak(self, call: Call, transport: Transport) -> DummyStream:
        await self._script.begin()
        content_type, sound = media.speech(call)
        if call.stream:
            return self._script.stream(call.wire, *media.speech_events(sound))
        return self._script.stream(call.wire, media.pieces(sound), content_type=content_type)

    async def transcribe(self, call: Call, transport: Transport) -> Reply | DummyStream:
        if call.stream:
            return await self._events(call, media.heard_events)
        await self._script.begin()
        content_type, body = media.heard(call)
        fields = fields_of(body) if content_type == b"application/json" else None
        return Reply(wire=call.wire, body=body, fields=fields, content_type=content_type)

    translate = transcribe

    async def generate_image(self, call: Call, transport: Transport) -> Reply | DummyStream:
        if call.stream:
            return await self._events(call, media.image_events)
        return await self._whole(call, media.images)

    edit_image = generate_image

    async def vary_image(self, call: Call, transport: Transport) -> Reply:
        return await self._whole(call, media.images)

    async def _whole(self, call: Call, answer: Callable[[Call, str], dict[str, Any]]) -> Reply:
        await self._script.begin()
        body = msgspec.json.encode(answer(call, self.config.upstream_model))
        return Reply(wire=call.wire, body=body, fields=fields_of(body))

    async def _events(self, call: Call, events: Callable[[Call, str], tuple[Iterator[bytes], bytes]]) -> DummyStream:
        await self._script.begin()
        return self._script.stream(call.wire, *events(call, self.config.upstream_model))


register(
    ProviderType(
        name="dummy",
        label="Dummy (offline)",
        build=DummyAdapter,
        wires=wires_of(DummyAdapter),
        needs_key=False,
        offline=True,
    )
)
