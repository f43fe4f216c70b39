"""How is a target asked? By its adapter's method for the call's wire; in another wire of its own through a conversion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from providers.convert.converted import convert, convertible
from providers.convert.signed import SIGNED, with_names, without_foreign
from providers.errors import Unsupported
from providers.offload import offload
from providers.protocols import METHODS
from providers.transport import Transport
from providers.types import Answered, Call, Target, Wire

Ask = Callable[[Target, Call, Transport], Awaitable[Answered]]


async def ask(target: Target, call: Call, transport: Transport) -> Answered:
    """The whole answer, or the stream, once the upstream has accepted the call. Raises `ProviderError`."""
    wire = wire_for(target, call)
    if wire is not call.wire:
        return await convert(target.adapter, call, wire, transport)
    names = METHODS[wire]
    method: Callable[[Call, Transport], Awaitable[Answered]]
    method = getattr(target.adapter, names.streamed if call.stream else names.whole)
    if wire not in SIGNED:
        return await method(call, transport)
    call, lossy = await offload(len(call.body), without_foreign, call)
    answer = await method(call, transport)
    return with_names(answer, lossy) if lossy else answer


def wire_for(target: Target, call: Call) -> Wire:
    """The wire in which the target is asked: the call's own if its upstream speaks it, else the best one that the call can be
    converted to. Raises `Unsupported` if there is none: a body never goes to the address of another wire."""
    wires = target.wires.get(call.capability, ())
    if call.wire in wires:
        return call.wire
    for wire in wires:
        if convertible(call.wire, wire):
            return wire
    text = f"This model's provider does not take requests in the format {call.wire.value!r}, and they cannot be converted for it."
    raise Unsupported(400, text, code="unsupported_format")
