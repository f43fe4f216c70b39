"""How is a request answered? With a result, a stream or an error, handed to its outlet, under the gateway's headers."""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from time import perf_counter
from urllib.parse import quote

import msgspec

from openai_api.context import Inbound
from openai_api.errors import ApiError, Headers, server_draining, upstream
from openai_api.outlet import Outlet
from openai_api.pipeline.state import Exchange
from openai_api.pipeline.streams import Answer, Begun, fed
from openai_api.recording.events import Record
from openai_api.recording.failure_text import failure_text
from openai_api.spending.noting import cost_header, note_stream, note_whole
from openai_api.taps import Stopped, Tap, tapped
from providers.bytes.framing import SSE
from providers.bytes.patch import patch
from providers.bytes.sse import Frames
from providers.errors import FailureClass, ProviderError, own_failure
from providers.masking import mask_error
from providers.offload import LARGE, offload
from providers.types import EVENT_STREAM, Reply, Target, Wire
from providers.wire.openai.framing import json_string
from providers.wire.openai.relay import Relay
from providers.wire.openai_responses.relay import response_in
from providers.wire.over_http import OVER_HTTP

JSON: Headers = ((b"content-type", b"application/json"),)
ESTIMATED = (b"x-gateway-estimated", b"1")
WITHOUT_MODEL = frozenset(
    {
        Wire.OPENAI_TRANSCRIPTION,
        Wire.OPENAI_TRANSLATION,
        Wire.OPENAI_IMAGE,
        Wire.OPENAI_IMAGE_EDIT,
        Wire.OPENAI_IMAGE_VARIATION,
        Wire.OPENAI_RESPONSES,
    }
)
"""Wires whose answers do not say which model made them, or have it already."""
MAX_LOSSY = 2000
"""Characters of a header that names what was left out: clients choose the names."""
DRAIN_S = 0.025
"""How long a finished stream may take to end properly, so that its connection can be used again."""


async def respond(exchange: Exchange, target: Target, answer: Answer) -> None:
    """Sends what the target answered, under the model's public name, and notes its usage."""
    headers = gateway_headers(exchange.record, target)
    if isinstance(answer, Begun):
        await _stream(exchange, target, answer, headers)
        return
    reply = await _public(exchange, answer)
    if exchange.hooks is not None:
        reply = await exchange.hooks.finish(exchange.call, reply)
    if exchange.keep is not None:
        await exchange.keep(target, reply.body)
    await _whole(exchange, reply, headers)


async def send_json(inbound: Inbound, body: bytes, status: int = 200, headers: Headers = ()) -> None:
    """Sends one JSON answer."""
    await send_whole(inbound, status, (*JSON, *headers), body)


async def send_error(inbound: Inbound, error: ApiError) -> None:
    """Sends an error before anything else was sent."""
    record = inbound.record
    record.error, inbound.told = error.code or error.type, error
    headers: Headers = ()
    if any(tried.failure != FailureClass.UNSUPPORTED for tried in record.attempts):
        headers = ((b"x-gateway-attempts", b"%d" % len(record.attempts)),)
    _note_start(record, error.status)
    await inbound.outlet.error(error, (*headers, *inbound.head, *session_header(record)))


def gateway_headers(record: Record, target: Target) -> Headers:
    """The `x-gateway-*` headers of an answer that came from a target."""
    overhead = perf_counter() - record.clock - record.upstream_s()
    return (
        *_served_by(target.model or record.model or "", target.provider),
        (b"x-gateway-attempts", b"%d" % len(record.attempts)),
        (b"x-gateway-overhead-ms", b"%.3f" % (overhead * 1000)),
    )


@lru_cache(maxsize=4096)
def _served_by(model: str, provider: str) -> Headers:
    return (b"x-gateway-model", header_value(model)), (b"x-gateway-provider", header_value(provider))


def session_header(record: Record) -> Headers:
    """The header that names the session of a request; none without one."""
    return ((b"x-gateway-session-id", header_value(record.session)),) if record.session else ()


def header_value(text: str) -> bytes:
    """The text as a header can carry it: percent-encoded outside printable ASCII."""
    return quote(text, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}").encode("ascii")


async def _public(exchange: Exchange, reply: Reply) -> Reply:
    """The answer under the model's public name, with its usage noted."""
    call, fields, record = exchange.call, reply.fields, exchange.record
    told = not reply.estimated
    wire = OVER_HTTP[reply.wire]
    usage = reply.usage or (wire.usage_of(fields) if told and fields is not None else None)
    await offload(len(reply.body), partial(note_whole, record, call, usage, reply.body, fields, told=told))
    if fields is None:
        return reply
    if wire.model_field not in fields.spans and call.wire in WITHOUT_MODEL:
        return reply
    changes = {wire.model_field: json_string(call.model)}
    size = len(reply.body)
    body = patch(fields, changes) if size <= LARGE else await offload(size, patch, fields, changes)
    return msgspec.structs.replace(reply, body=body, fields=None)


async def _whole(exchange: Exchange, reply: Reply, headers: Headers) -> None:
    body = reply.body
    if exchange.shape is not None:
        body = await offload(len(body), exchange.shape, body)
    if reply.lossy:
        headers = (*headers, lossy(reply.lossy))
    if reply.estimated:
        headers = (*headers, ESTIMATED)
    headers = (*headers, *cost_header(exchange.record))
    await send_whole(exchange.inbound, 200, ((b"content-type", reply.content_type), *headers), body)


async def send_whole(inbound: Inbound, status: int, headers: Headers, body: bytes) -> None:
    """Sends an answer whose body is known."""
    _note_start(inbound.record, status)
    await inbound.outlet.whole(status, (*headers, *inbound.head, *session_header(inbound.record)), body)


async def begin_stream(inbound: Inbound, headers: Headers, first: Frames, content_type: bytes = EVENT_STREAM) -> Outlet:
    """Sends the head and the first of a stream; what takes the rest."""
    _note_start(inbound.record, 200)
    await inbound.outlet.begin((*headers, *inbound.head, *session_header(inbound.record)), first, content_type)
    return inbound.outlet


def _note_start(record: Record, status: int) -> None:
    record.status = status
    record.first_byte_s = perf_counter() - record.clock


async def _stream(exchange: Exchange, target: Target, begun: Begun, headers: Headers) -> None:
    inbound, record, relay, hooks = exchange.inbound, exchange.record, begun.relay, exchange.hooks
    try:
        last = await _to_the_last(exchange, target, begun, headers)
        if exchange.keep is not None and relay.final is not None:
            await exchange.keep(target, relay.final)
        if last is None:
            return  # an answer that is not complete makes the server break the connection
        await inbound.outlet.end(last)
        if record.error is None:
            await _drain(begun)
        if hooks is not None:
            await hooks.ended(exchange.call)
    finally:
        inbound.outlet.close()
        usage = getattr(begun.stream, "usage", None) or relay.usage
        images = getattr(relay, "completed", 0)
        note_stream(record, exchange.call, usage, relay.deltas, images=images, whole=relay.done)
        begun.stream.close()


async def _to_the_last(exchange: Exchange, target: Target, begun: Begun, headers: Headers) -> Frames | None:
    """Sends all but the last frames of a stream, which are returned; None if nothing can say how it ends."""
    inbound, record, relay = exchange.inbound, exchange.record, begun.relay
    taps = _taps(exchange, begun)
    idle = target.timeouts.when(streamed=exchange.call.stream).idle
    try:
        last = await _opened(inbound, begun, headers, taps)
        last = last if relay.done else await _relayed(begun, idle, inbound.outlet, taps)
    except ProviderError as error:
        if begun.mask is not None:
            mask_error(error, begun.mask())
        if record.attempts:
            record.attempts[-1].message = failure_text(error)
        last = await _broken(exchange, relay, upstream(own_failure(target.dynamic, error)), taps)
    except Stopped as stopped:
        if record.status == 0:
            raise stopped.error from stopped
        broken = await _broken(exchange, relay, stopped.error, ())
        last = None if broken is None else [*stopped.frames, *broken]
    except asyncio.CancelledError:
        ending = server_draining() if record.draining else inbound.ends_with
        if ending is None:
            raise
        last = await _broken(exchange, relay, ending, taps)
    if taps and last is not None and relay.final is not None:  # what is kept is what the client hears
        relay.final = await offload(sum(map(len, last)), response_in, last) or relay.final
    return last


def _taps(exchange: Exchange, begun: Begun) -> tuple[Tap, ...]:
    """What sees the events; sound has none."""
    framing = begun.relay.framing
    if framing is None:
        return ()
    if exchange.hooks is None:
        return exchange.taps
    return (*exchange.taps, *exchange.hooks.taps(exchange.call, framing.content_type.decode("ascii")))


async def _opened(inbound: Inbound, begun: Begun, headers: Headers, taps: tuple[Tap, ...]) -> Frames | None:
    """Begins with the frames that were held, or returns them if they are the last, which are not sent yet."""
    relay, stream, held = begun.relay, begun.stream, begun.held
    begun.held = []  # nothing but what is to be sent is kept while the client does not read
    headers = (lossy(stream.lossy), *headers) if stream.lossy else headers
    framing = relay.framing
    content_type = stream.content_type if framing is None else framing.content_type
    if taps:
        try:
            held = await tapped(taps, held, framing or SSE, last=relay.done)
        except Stopped as stopped:
            if stopped.frames:
                await begin_stream(inbound, headers, stopped.frames, content_type)
            raise
    await begin_stream(inbound, headers, [] if relay.done else held, content_type)
    return held if relay.done else []


async def _relayed(begun: Begun, idle: float, outlet: Outlet, taps: tuple[Tap, ...]) -> Frames:
    """Relays until the stream is complete; returns its last frames, not sent yet. Raises `ProviderError`."""
    stream, relay = begun.stream, begun.relay
    events = 0
    while True:
        if relay.error is not None:
            raise relay.error
        if relay.events != events:
            events = relay.events
            stream.extend(idle)
        chunk = await stream.next()
        out = await fed(relay, chunk) if chunk else relay.end()
        if relay.done:
            return await tapped(taps, out, relay.framing or SSE, last=True) if taps else out
        chunk = b""
        if taps and out:
            out = await tapped(taps, out, relay.framing or SSE)
        if out:
            await outlet.events(out)
            out = []


def lossy(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The header that names the parameters which the upstream could not take."""
    return b"x-gateway-lossy", header_value(", ".join(names)[:MAX_LOSSY])


async def _broken(exchange: Exchange, relay: Relay, error: ApiError, taps: tuple[Tap, ...]) -> Frames | None:
    """What ends a stream that cannot go on; None if nothing can say so."""
    if exchange.hooks is not None:
        error = await exchange.hooks.failed(error)
    exchange.record.error, exchange.inbound.told = error.code or error.type, error
    frames = relay.broken(error.failure())
    if not taps or frames is None:
        return frames
    try:
        return await tapped(taps, frames, relay.framing or SSE, last=True)
    except Stopped:
        return frames


async def _drain(begun: Begun) -> None:
    """Waits a moment for the end of the message after `[DONE]`, without which the connection is lost."""
    begun.stream.extend(DRAIN_S)
    try:
        while await begun.stream.next():
            pass
    except ProviderError:
        return
