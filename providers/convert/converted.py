"""How does an upstream of another wire answer a call? It is asked in its own, through the canonical conversation.

The codec of the call's wire reads the request, that of the upstream's writes it; the adapter's method for that wire is called as
it is; what comes out, whole or as a stream, goes the same way back. No pair of wires is known here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, cast

import msgspec

from providers.bytes.halves import decoded
from providers.bytes.in_steps import decode_in_steps, encode_in_steps, release_in_steps
from providers.bytes.patch import fields_of
from providers.canonical.answer import Answer
from providers.canonical.codec import Asked, Traits
from providers.canonical.extra import Json
from providers.canonical.request import Request
from providers.canonical.tools import SentTools
from providers.convert import hints
from providers.convert.codecs import WireCodec, codecs
from providers.convert.stream import MISFITS, Conversion, ConvertedStream
from providers.errors import InvalidResponse, Unsupported
from providers.ids import item_ids, mint
from providers.offload import offload
from providers.protocols import METHODS
from providers.transport import Transport
from providers.types import Adapter, Answered, Call, Reply, ReplyStream, Usage, Wire

ADDED: Mapping[Wire, tuple[str, ...]] = MappingProxyType({Wire.OPENAI_RESPONSES: ("store",)})
"""Fields that a request of a wire always has, whether the client has said them or not."""
OWN_HEADERS: Mapping[Wire, frozenset[bytes]] = MappingProxyType(
    {Wire.ANTHROPIC_MESSAGES: frozenset({b"anthropic-version", b"anthropic-beta"})}
)
"""Headers of clients that say something of a request of that wire alone."""
NO_HEADERS: frozenset[bytes] = frozenset()
HINTED = frozenset({Wire.OPENAI_CHAT})
"""Wires in which upstreams differ in what they know, and are asked again without what they refuse."""


class _Asked(msgspec.Struct, frozen=True):
    """What an upstream is asked, and what is known of it for its answer."""

    call: Call
    lossy: tuple[str, ...]
    sent: SentTools
    answer: Asked


def convertible(wire: Wire, to: Wire) -> bool:
    """Whether a call of the one wire can be put to an upstream of the other."""
    return wire in codecs() and to in codecs()


async def convert(adapter: Adapter, call: Call, wire: Wire, transport: Transport) -> Answered:
    """The answer to the call, of an upstream that speaks `wire`. Raises `ProviderError`."""
    asked = await offload(len(call.body), _asked, call, wire, traits_of(adapter))
    lossy = asked.lossy
    answer: Reply | ReplyStream
    if wire in HINTED:
        answer, refused = await hints.asked(cast(Any, adapter), asked.call, transport)
        lossy = (*lossy, *refused)
    else:
        names = METHODS[wire]
        method: Callable[[Call, Transport], Awaitable[Reply | ReplyStream]]
        method = getattr(adapter, names.streamed if call.stream else names.whole)
        answer = await method(asked.call, transport)
    upstream, client = codecs()[wire], codecs()[call.wire]
    if isinstance(answer, Reply):
        return await offload(len(answer.body), _whole, call, asked, answer, lossy)
    made = Conversion(upstream, client, asked.sent, asked.answer)
    return ConvertedStream(answer, made, call.wire, lossy)


def traits_of(adapter: Adapter) -> Traits:
    """What its upstream differs in from others of its wire: the adapter's `traits`, if it has any."""
    traits: Traits | None = getattr(adapter, "traits", None)
    return traits or Traits(returns_reasoning=getattr(adapter, "returns_reasoning", False))


def converted_call(call: Call, wire: Wire, adapter: Adapter) -> Call:
    """The call as an upstream that speaks `wire` is asked. Raises `ProviderError`."""
    return _asked(call, wire, traits_of(adapter)).call


def lossy_of(call: Call, wire: Wire, adapter: Adapter) -> tuple[str, ...]:
    """What the adapter's upstream is not told of a call that is converted to `wire`, as `x-gateway-lossy` names it. Raises
    `ProviderError`."""
    return _asked(call, wire, traits_of(adapter)).lossy


def left_out_by(call: Call, wire: Wire) -> tuple[str, ...]:
    """What an upstream that speaks `wire` would not be told of the request. Raises `CallerError` if it cannot be asked."""
    return left_out(call, codecs()[wire].encode_request(request_of(call, codecs()[call.wire])).lossy)


def left_out(call: Call, names: tuple[str, ...]) -> tuple[str, ...]:
    """The fields that have no word in the other format, for `lossy`. Raises `Unsupported` if the call is strict."""
    if names and call.strict:
        message = f"This model's provider does not take the parameter {names[0]!r}."
        raise Unsupported(400, message, code="unsupported_parameter", param=names[0])
    return names


def request_of(call: Call, codec: WireCodec) -> Request:
    """The request in canonical form. Raises `CallerError`."""
    body: Json = decode_in_steps(call.body)
    if call.response.previous_id is not None:  # the client's own name of it; the body has what was said before
        body["previous_response_id"] = call.response.previous_id
    request = codec.decode_request(body)
    if bool(request.delivery.stream) is call.stream:
        return request
    delivery = msgspec.structs.replace(request.delivery, stream=call.stream)  # the path has said it (Gemini), or silence (Ollama)
    return msgspec.structs.replace(request, delivery=delivery)


def _asked(call: Call, wire: Wire, traits: Traits) -> _Asked:
    """What the upstream is asked. Raises `ProviderError`."""
    codec = codecs()[call.wire]
    request = request_of(call, codec)
    encoded = codecs()[wire].encode_request(request, traits)
    left_out(call, encoded.lossy)
    answer_id = call.response.id or mint(codec.id_prefix)
    turns = list(request.turns)
    request = msgspec.structs.replace(request, turns=())  # an answer repeats settings; what was said may be very large
    release_in_steps(turns)
    answer = Asked(request=request, id=answer_id, created=int(time.time()), model=call.model, mint=item_ids(answer_id, "o"))
    body = encode_in_steps({**encoded.body, "model": call.model})
    added = tuple(name for name in ADDED.get(wire, ()) if name not in call.fields.spans)
    method = METHODS[wire]
    own = OWN_HEADERS.get(call.wire, NO_HEADERS)
    headers = tuple(header for header in call.headers if header[0] not in own)
    made = call.with_body(body, capability=method.capability, wire=wire, include_usage=True, added=added, headers=headers)
    return _Asked(made, encoded.lossy, encoded.sent, answer)


def _whole(call: Call, asked: _Asked, reply: Reply, lossy: tuple[str, ...]) -> Reply:
    upstream, client = codecs()[asked.call.wire], codecs()[call.wire]
    with readable():
        answer = upstream.decode_answer(_object(reply.body), asked.sent)
        if answer.failure is not None:
            raise upstream.failure_of(answer.failure)
        made = client.encode_answer(answer, asked.answer)
    body = msgspec.json.encode(made.body)
    usage = usage_of(answer) or reply.usage
    return Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=(*lossy, *reply.lossy, *made.lossy), usage=usage)


def usage_of(answer: Answer) -> Usage | None:
    """What an answer says was used, with all that the client's wire may have no word for."""
    if answer.used is None:
        return None
    return msgspec.structs.replace(answer.used.tokens, service_tier=answer.service_tier or answer.used.tokens.service_tier)


@contextmanager
def readable() -> Iterator[None]:
    """Whatever goes wrong with the values of an upstream's answer is the upstream's fault: `InvalidResponse`."""
    try:
        yield
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _object(data: bytes) -> Json:
    value = decoded(data)
    if not isinstance(value, dict):
        raise InvalidResponse("the answer is no object")
    return value
