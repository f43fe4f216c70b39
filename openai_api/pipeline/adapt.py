"""How does a target answer a call? As a whole, or as a stream that has begun, with what relays it to the client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import time
from types import MappingProxyType
from typing import Any, cast

import msgspec

from openai_api.pipeline.first_event import Begun, first_event
from providers.bytes.patch import patch
from providers.convert.calling import wire_for
from providers.convert.converted import ConvertedStream
from providers.convert.response_actions import ACTIONS
from providers.errors import InvalidResponse
from providers.ids import mint
from providers.masking import Mask, mask_of
from providers.offload import offload
from providers.protocols import Responses
from providers.transport import Transport
from providers.types import Action, Answered, Call, FrameStream, Reply, ReplyStream, Target, Wire
from providers.wire.openai.relay import EventRelay, Relay, SoundRelay
from providers.wire.openai.usage import usage_of
from providers.wire.openai_chat.relay import ChatStreamRelay
from providers.wire.openai_chat.request import json_string
from providers.wire.openai_responses.relay import Names, ResponsesRelay
from providers.wire.openai_responses.response_object import new_response

Answer = Reply | Begun
Streamed = ReplyStream | FrameStream
MakeRelay = Callable[[Streamed, Call, Target], Relay]


def _chat(stream: Streamed, call: Call, target: Target) -> Relay:
    return ChatStreamRelay(call.model, include_usage=call.include_usage, several=_asks_several(call))


def _text(stream: Streamed, call: Call, target: Target) -> Relay:
    several = _asks_several(call) or (call.fields.raw("prompt") or b"").startswith(b"[")
    return ChatStreamRelay(call.model, include_usage=call.include_usage, content=b'"text"', several=several)


def _asks_several(call: Call) -> bool:
    return call.fields.raw("n") not in (None, b"null", b"1")


def _events(stream: Streamed, call: Call, target: Target) -> Relay:
    return EventRelay()


def _speech(stream: Streamed, call: Call, target: Target) -> Relay:
    return EventRelay() if call.stream else SoundRelay()


def _responses(stream: Streamed, call: Call, target: Target) -> Relay:
    return ResponsesRelay(_names(call, target), partial(_beginning, call), at_once=call.response.background)


def _made_responses(stream: Streamed, call: Call, target: Target) -> Relay:
    relay = ResponsesRelay(None, partial(_beginning, call), at_once=call.response.background)
    relay.fail = cast(ConvertedStream, stream).fail
    return relay


def _beginning(call: Call) -> dict[str, Any]:
    return new_response({}, call.response.id or mint("resp"), int(time()), call.model)


RELAYS: Mapping[Wire, MakeRelay] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: _chat,
        Wire.OPENAI_COMPLETION: _text,
        Wire.OPENAI_SPEECH: _speech,
        Wire.OPENAI_RESPONSES: _responses,
    }
)
"""What relays a stream that its upstream sends in the wire of the call; `_events` for all others."""

CONVERTED_RELAYS: Mapping[Wire, MakeRelay] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: _chat,
        Wire.OPENAI_RESPONSES: _made_responses,
    }
)
"""What relays a stream that was converted to the wire of the call."""


def relay_of(stream: Streamed, call: Call, target: Target) -> Relay:
    """What relays the stream, by the wires of the upstream and of the call; it says when the stream has begun, too."""
    makers = RELAYS if wire_for(target, call) is call.wire else CONVERTED_RELAYS
    return makers.get(call.wire, _events)(stream, call, target)


async def adapt(call: Call, transport: Transport, target: Target) -> Answer:
    """A whole answer, or a stream whose first event has come. Raises `ProviderError`."""
    return await _begun(await ACTIONS[call.response.action](target, call, transport), call, target)


async def adapt_stored(call: Call, method: str, path: str, transport: Transport, target: Target) -> Answer:
    """What is done with a response that lies at the target. Raises `ProviderError`."""
    adapter = cast(Responses, target.adapter)
    return await _begun(await adapter.ask_response(call, transport, method, path), call, target)


async def _begun(answer: Answered, call: Call, target: Target) -> Answer:
    if not isinstance(answer, Reply):
        begun = await first_event(answer, relay_of(answer, call, target))
        begun.mask = _masking(call, target)
        return begun
    if call.wire is not Wire.OPENAI_RESPONSES or call.response.action is not Action.CREATE:
        return answer
    return await offload(len(answer.body), _named, answer, call, target)


def _named(reply: Reply, call: Call, target: Target) -> Reply:
    """A response under its outside names. Nothing of it is to be looked for afterwards, so its fields are not found again."""
    if reply.fields is not None and "deleted" in reply.fields.spans and call.response.id:
        return msgspec.structs.replace(reply, body=patch(reply.fields, {"id": json_string(call.response.id)}), fields=None)
    if reply.fields is None or "id" not in reply.fields.spans:
        return reply
    usage = reply.usage or usage_of(reply.fields)
    return msgspec.structs.replace(reply, body=_names(call, target).on(reply.fields), fields=None, usage=usage)


def _names(call: Call, target: Target) -> Names:
    """An upstream that keeps the response has its id sealed; any other response is kept here, under an id of ours."""
    context = call.response
    if target.keeps_responses and context.seal is not None:
        return Names(call.model, partial(_sealed, context.seal, target), context.previous_id, _masking(call, target))
    outside = lambda upstream_id: context.id or upstream_id  # noqa: E731
    return Names(call.model, outside, context.previous_id, _masking(call, target))


def _masking(call: Call, target: Target) -> Callable[[], Mask]:
    return partial(mask_of, target.adapter.config, call.credentials)


def _sealed(seal: Callable[[str, str], str], target: Target, upstream_id: str) -> str:
    try:
        return seal(target.id, upstream_id)
    except ValueError as error:
        raise InvalidResponse("the upstream's id is too long") from error
