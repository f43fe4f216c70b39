"""How does a target answer a call? As a whole, or as a stream that has begun, with what relays it to the client."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import time
from types import MappingProxyType
from typing import Any, cast

import msgspec

from openai_api.pipeline.first_event import Begun, first_event
from providers.bytes.patch import patch
from providers.capabilities import Capability
from providers.convert.converted import ConvertedStream
from providers.convert.response_actions import ACTIONS
from providers.errors import InvalidResponse
from providers.ids import mint
from providers.masking import Mask, mask_of
from providers.offload import offload
from providers.protocols import Responses
from providers.transport import Transport
from providers.types import Answered, Call, Reply, Target
from providers.wire.openai.relay import EventRelay, Relay, SoundRelay
from providers.wire.openai.usage import usage_of
from providers.wire.openai_chat.relay import ChatStreamRelay
from providers.wire.openai_chat.request import json_string
from providers.wire.openai_responses.relay import Names, ResponsesRelay
from providers.wire.openai_responses.response_object import new_response

Answer = Reply | Begun
MakeRelay = Callable[[Call, Target], Relay]


def _chat(call: Call, target: Target) -> Relay:
    return ChatStreamRelay(call.model, include_usage=call.include_usage, several=_asks_several(call))


def _text(call: Call, target: Target) -> Relay:
    several = _asks_several(call) or (call.fields.raw("prompt") or b"").startswith(b"[")
    return ChatStreamRelay(call.model, include_usage=call.include_usage, content=b'"text"', several=several)


def _asks_several(call: Call) -> bool:
    return call.fields.raw("n") not in (None, b"null", b"1")


def _events(call: Call, target: Target) -> Relay:
    return EventRelay()


def _speech(call: Call, target: Target) -> Relay:
    return EventRelay() if call.stream else SoundRelay()


def _responses(call: Call, target: Target) -> Relay:
    made_here = Capability.RESPONSES not in target.native
    return ResponsesRelay(None if made_here else _names(call, target), partial(_beginning, call), at_once=call.background)


def _beginning(call: Call) -> dict[str, Any]:
    return new_response({}, call.response_id or mint("resp"), int(time()), call.model)


RELAYS: MappingProxyType[Capability, MakeRelay] = MappingProxyType(
    {
        Capability.CHAT: _chat,
        Capability.COMPLETION: _text,
        Capability.TEXT_TO_SPEECH: _speech,
        Capability.RESPONSES: _responses,
    }
)
"""What relays a stream; `_events` for all others."""


async def adapt(call: Call, transport: Transport, target: Target) -> Answer:
    """A whole answer, or a stream whose first event has come. Raises `ProviderError`."""
    return await _begun(await ACTIONS[call.action](target, call, transport), call, target)


async def adapt_stored(call: Call, method: str, path: str, transport: Transport, target: Target) -> Answer:
    """What is done with a response that lies at the target. Raises `ProviderError`."""
    adapter = cast(Responses, target.adapter)
    return await _begun(await adapter.ask_response(call, transport, method, path), call, target)


async def _begun(answer: Answered, call: Call, target: Target) -> Answer:
    if not isinstance(answer, Reply):
        relay = RELAYS.get(call.capability, _events)(call, target)
        if isinstance(relay, ResponsesRelay) and isinstance(answer, ConvertedStream):
            relay.fail = answer.fail
        begun = await first_event(answer, relay)
        begun.mask = _masking(call, target)
        return begun
    if call.capability is not Capability.RESPONSES or call.action:
        return answer
    return await offload(len(answer.body), _named, answer, call, target)


def _named(reply: Reply, call: Call, target: Target) -> Reply:
    """A response under its outside names. Nothing of it is to be looked for afterwards, so its fields are not found again."""
    if reply.fields is not None and "deleted" in reply.fields.spans and call.response_id:
        return msgspec.structs.replace(reply, body=patch(reply.fields, {"id": json_string(call.response_id)}), fields=None)
    if reply.fields is None or "id" not in reply.fields.spans:
        return reply
    usage = reply.usage or usage_of(reply.fields)
    return msgspec.structs.replace(reply, body=_names(call, target).on(reply.fields), fields=None, usage=usage)


def _names(call: Call, target: Target) -> Names:
    """An upstream that keeps the response has its id sealed; any other response is kept here, under an id of ours."""
    if target.keeps_responses and call.seal is not None:
        return Names(call.model, partial(_sealed, call, target), call.previous_response_id, _masking(call, target))
    outside = lambda upstream_id: call.response_id or upstream_id  # noqa: E731
    return Names(call.model, outside, call.previous_response_id, _masking(call, target))


def _masking(call: Call, target: Target) -> Callable[[], Mask]:
    return partial(mask_of, target.adapter.config, call.credentials)


def _sealed(call: Call, target: Target, upstream_id: str) -> str:
    assert call.seal is not None  # noqa: S101 - the caller has looked
    try:
        return call.seal(target.id, upstream_id)
    except ValueError as error:
        raise InvalidResponse("the upstream's id is too long") from error
