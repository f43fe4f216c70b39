"""How is a target asked? By its adapter's method for the call's wire; in another wire of its own through a conversion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.convert.converted import chat_by_responses, respond_by_chat
from providers.errors import Unsupported
from providers.protocols import METHODS
from providers.transport import Transport
from providers.types import Answered, Call, Target, Wire

Ask = Callable[[Target, Call, Transport], Awaitable[Answered]]
Convert = Callable[[Any, Call, Transport], Awaitable[Answered]]
CONVERSIONS: Mapping[tuple[Wire, Wire], Convert] = MappingProxyType(
    {
        (Wire.OPENAI_RESPONSES, Wire.OPENAI_CHAT): respond_by_chat,
        (Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES): chat_by_responses,
    }
)
"""From the wire of a call to that of an upstream. All that can be converted stands here; nothing else knows a pair of wires."""


async def ask(target: Target, call: Call, transport: Transport) -> Answered:
    """The whole answer, or the stream, once the upstream has accepted the call. Raises `ProviderError`."""
    wire = wire_for(target, call)
    if wire is not call.wire:
        return await converted(target, call, call.wire, wire, transport)
    names = METHODS[wire]
    method: Callable[[Call, Transport], Awaitable[Answered]]
    method = getattr(target.adapter, names.streamed if call.stream else names.whole)
    return await method(call, transport)


def wire_for(target: Target, call: Call) -> Wire:
    """The wire in which the target is asked: the call's own if its upstream speaks it, else the best one that the call can be
    converted to. Raises `Unsupported` if there is none: a body never goes to the address of another wire."""
    wires = target.wires.get(call.capability, ())
    if call.wire in wires:
        return call.wire
    for wire in wires:
        if (call.wire, wire) in CONVERSIONS:
            return wire
    text = f"This model's provider does not take requests in the format {call.wire.value!r}, and they cannot be converted for it."
    raise Unsupported(400, text, code="unsupported_format")


async def converted(target: Target, call: Call, from_wire: Wire, to_wire: Wire, transport: Transport) -> Answered:
    """The answer to a call of one wire by an upstream of another, in the wire of the call. Raises `ProviderError`."""
    return await CONVERSIONS[from_wire, to_wire](target.adapter, call, transport)
