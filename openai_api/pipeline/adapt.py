"""What becomes of an answer on its way to the client? What relays a stream, and what a whole answer is changed in, by wires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import time
from types import MappingProxyType
from typing import Any, cast

import msgspec

from providers.bytes.patch import patch
from providers.convert.calling import wire_for
from providers.convert.stream import ConvertedStream
from providers.convert.verbatim import own_relay
from providers.errors import InvalidResponse
from providers.ids import mint
from providers.masking import Mask, mask_of
from providers.types import Action, Call, FrameStream, Reply, ReplyStream, Target, Wire
from providers.wire.anthropic_messages.relay import MessagesRelay
from providers.wire.gemini.relay import GeminiRelay
from providers.wire.ollama.relay import OllamaRelay
from providers.wire.openai.framing import json_string
from providers.wire.openai.relay import EventRelay, Relay, SoundRelay
from providers.wire.openai.usage import usage_of
from providers.wire.openai_chat.relay import ChatStreamRelay
from providers.wire.openai_chat.repair import CallRepair, whole_repaired
from providers.wire.openai_responses.relay import Names, ResponsesRelay
from providers.wire.openai_responses.response_object import new_response

Streamed = ReplyStream | FrameStream
MakeRelay = Callable[[Streamed, Call, Target], Relay]


def _chat(stream: Streamed, call: Call, target: Target) -> Relay:
    usage, several = call.include_usage, _asks_several(call)
    repair = CallRepair(mint, forced=_names_tool(call))
    return ChatStreamRelay(call.model, include_usage=usage, several=several, repair=repair)


def _names_tool(call: Call) -> bool:
    return call.wire is Wire.OPENAI_CHAT and (call.fields.raw("tool_choice") or b"").startswith(b"{")


def _text(stream: Streamed, call: Call, target: Target) -> Relay:
    several = _asks_several(call) or (call.fields.raw("prompt") or b"").startswith(b"[")
    return ChatStreamRelay(call.model, include_usage=call.include_usage, content=b'"text"', several=several)


def _asks_several(call: Call) -> bool:
    return call.fields.raw("n") not in (None, b"null", b"1")


def _events(stream: Streamed, call: Call, target: Target) -> Relay:
    return EventRelay()


def _speech(stream: Streamed, call: Call, target: Target) -> Relay:
    return EventRelay() if call.stream else SoundRelay()


def _ollama(stream: Streamed, call: Call, target: Target) -> Relay:
    return OllamaRelay(call.model)


def _gemini(stream: Streamed, call: Call, target: Target) -> Relay:
    return GeminiRelay(call.model)


def _messages(stream: Streamed, call: Call, target: Target) -> Relay:
    return MessagesRelay(call.model)


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
        Wire.ANTHROPIC_MESSAGES: _messages,
        Wire.GEMINI: _gemini,
        Wire.OLLAMA: _ollama,
        Wire.OPENAI_RESPONSES: _responses,
    }
)
"""What relays a stream that its upstream sends in the wire of the call; `_events` for all others."""

CONVERTED_RELAYS: Mapping[Wire, MakeRelay] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: _chat,
        Wire.OPENAI_RESPONSES: _made_responses,
        Wire.ANTHROPIC_MESSAGES: _messages,
        Wire.GEMINI: _gemini,
        Wire.OLLAMA: _ollama,
    }
)
"""What relays a stream that was converted to the wire of the call."""


def relay_of(stream: Streamed, call: Call, target: Target) -> Relay:
    """What relays the stream, by the wires of the upstream and of the call, unless it brings its own; it says when the stream has
    begun, too."""
    if (own := own_relay(stream)) is not None:
        return own
    makers = RELAYS if wire_for(target, call) is call.wire else CONVERTED_RELAYS
    return makers.get(call.wire, _events)(stream, call, target)


def _named(reply: Reply, call: Call, target: Target) -> Reply:
    """A response under its outside names. Nothing of it is to be looked for afterwards, so its fields are not found again."""
    if call.response.action is not Action.CREATE:
        return reply
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
        return Names(call.model, partial(_sealed, context.seal, target), context.previous_id, masking(call, target))
    outside = lambda upstream_id: context.id or upstream_id  # noqa: E731
    return Names(call.model, outside, context.previous_id, masking(call, target))


def masking(call: Call, target: Target) -> Callable[[], Mask]:
    """A function that makes the mask by which the target's secrets are removed from an error."""
    return partial(mask_of, target.adapter.config, call.credentials)


def _sealed(seal: Callable[[str, str], str], target: Target, upstream_id: str) -> str:
    try:
        return seal(target.id, upstream_id)
    except ValueError as error:
        raise InvalidResponse("the upstream's id is too long") from error


def _repaired(reply: Reply, call: Call, target: Target) -> Reply:
    return whole_repaired(reply, mint, forced=_names_tool(call))


WHOLE: Mapping[Wire, Callable[[Reply, Call, Target], Reply]] = MappingProxyType(
    {Wire.OPENAI_CHAT: _repaired, Wire.OPENAI_RESPONSES: _named}
)
"""What a whole answer is changed in beside its model; nothing for all other wires."""
