"""How is a target called for a capability? The one place that knows which adapter method serves which."""

from __future__ import annotations

from typing import cast

from openai_api.pipeline.first_event import Begun, first_event
from providers.protocols import Chat
from providers.transport import Transport
from providers.types import Call, Reply, Target
from providers.wire.openai_chat_stream import ChatStreamRelay

Answer = Reply | Begun


async def adapt(call: Call, transport: Transport, target: Target) -> Answer:
    """A whole answer, or a stream whose first event has come. Raises `ProviderError`."""
    adapter = cast(Chat, target.adapter)
    if not call.stream:
        return await adapter.chat(call, transport)
    relay = ChatStreamRelay(call.model, include_usage=call.include_usage)
    return await first_event(await adapter.stream_chat(call, transport), relay)
