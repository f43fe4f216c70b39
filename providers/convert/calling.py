"""How is a target asked for a capability? By its own method, or by another capability and a conversion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, cast

import msgspec

from providers.capabilities import METHODS, Capability
from providers.convert.converted import chat_by_responses, respond_by_chat
from providers.offload import offload
from providers.protocols import Chat
from providers.transport import Transport
from providers.types import Answered, Call, Target
from providers.wire.openai_responses import compaction

Made = Callable[[Any, Call, Transport], Awaitable[Answered]]
CONVERSIONS: MappingProxyType[Capability, Made] = MappingProxyType(
    {Capability.RESPONSES: respond_by_chat, Capability.CHAT: chat_by_responses}
)
"""Those of `CONVERTED`, each with what does it."""


async def ask(target: Target, call: Call, transport: Transport) -> Answered:
    """The whole answer, or the stream, once the upstream has accepted the call. Raises `ProviderError`."""
    capability = call.capability
    if capability is Capability.RESPONSES:
        call = await readable(call)
    if capability in CONVERSIONS and capability not in target.native:
        return await CONVERSIONS[capability](target.adapter, call, transport)
    if capability is Capability.CHAT:
        adapter = cast(Chat, target.adapter)
        return await (adapter.stream_chat if call.stream else adapter.chat)(call, transport)
    method: Callable[[Call, Transport], Awaitable[Answered]] = getattr(target.adapter, METHODS[capability][0])
    return await method(call, transport)


async def readable(call: Call) -> Call:
    """The call with the compactions that the gateway made as texts, which any upstream can read. Raises as `opened`."""
    if call.open_summary is None or compaction.MARK not in call.body:
        return call
    fields = await offload(len(call.body), compaction.opened, call.fields, call.open_summary)
    return msgspec.structs.replace(call, body=fields.body, fields=fields)
