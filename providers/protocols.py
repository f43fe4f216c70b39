"""Which signature does each capability ask of an adapter? One protocol per capability."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream


@runtime_checkable
class Chat(Protocol):
    """`Capability.CHAT`: chat completions. Both methods raise `ProviderError`."""

    async def chat(self, call: Call, transport: Transport) -> Reply:
        """The whole answer to a call with `stream` false."""
        ...

    async def stream_chat(self, call: Call, transport: Transport) -> ReplyStream:
        """The stream, returned once the upstream has accepted the call (its status was good)."""
        ...
