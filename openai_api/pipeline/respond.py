"""How does the answer reach the client? Results, streams and errors as ASGI messages, with the gateway's headers."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from time import perf_counter
from urllib.parse import quote

from openai_api.context import Inbound
from openai_api.errors import ApiError, Headers, server_draining, upstream
from openai_api.pipeline.adapt import Answer
from openai_api.pipeline.first_event import Begun
from openai_api.pulse import Pulse
from openai_api.recording.events import Record
from providers.errors import ProviderError
from providers.types import Call, Reply, Target
from providers.wire import openai_chat, sse
from providers.wire.patch import patch

JSON: Headers = ((b"content-type", b"application/json"),)
EVENT_STREAM: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
DRAIN_S = 0.025
"""How long a finished stream may take to end properly, so that its connection can be used again."""


async def respond(inbound: Inbound, call: Call, target: Target, answer: Answer) -> None:
    """Sends what the target answered, under the model's public name, and notes its usage."""
    headers = gateway_headers(inbound.record, target)
    if isinstance(answer, Begun):
        await _stream(inbound, target, answer, headers)
    else:
        await _whole(inbound, call, answer, headers)


async def send_json(inbound: Inbound, body: bytes, status: int = 200, headers: Headers = ()) -> None:
    """Sends one JSON answer."""
    await send_whole(inbound, status, (*JSON, *headers), body)


async def send_error(inbound: Inbound, error: ApiError) -> None:
    """Sends an error before anything else was sent."""
    inbound.record.error = error.code or error.type
    headers = error.headers
    if inbound.record.attempts:
        headers = (*headers, (b"x-gateway-attempts", b"%d" % len(inbound.record.attempts)))
    await send_whole(inbound, error.status, (*JSON, *headers), error.body())


def gateway_headers(record: Record, target: Target) -> Headers:
    """The `x-gateway-*` headers of an answer that came from a target."""
    overhead = perf_counter() - record.clock - record.upstream_s()
    return (
        (b"x-gateway-model", header_value(target.model or record.model or "")),
        (b"x-gateway-provider", header_value(target.provider)),
        (b"x-gateway-attempts", b"%d" % len(record.attempts)),
        (b"x-gateway-overhead-ms", b"%.3f" % (overhead * 1000)),
    )


@lru_cache(maxsize=4096)
def header_value(text: str) -> bytes:
    """The text as a header can carry it: percent-encoded outside printable ASCII."""
    return quote(text, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}").encode("ascii")


async def _whole(inbound: Inbound, call: Call, reply: Reply, headers: Headers) -> None:
    inbound.record.usage = openai_chat.usage_of(reply.fields)
    body = patch(reply.fields, {"model": openai_chat.json_string(call.model)})
    await send_whole(inbound, 200, ((b"content-type", reply.content_type), *headers), body)


async def send_whole(inbound: Inbound, status: int, headers: Headers, body: bytes) -> None:
    """Sends an answer whose body is known."""
    await _start(inbound, status, (*headers, (b"content-length", b"%d" % len(body))))
    inbound.record.finished = True
    await inbound.send({"type": "http.response.body", "body": b"" if inbound.method == "HEAD" else body})


async def _start(inbound: Inbound, status: int, headers: Headers) -> None:
    record = inbound.record
    record.status = status
    record.first_byte_s = perf_counter() - record.clock
    identified = [*headers, (b"x-request-id", inbound.request_id.encode("ascii"))]
    await inbound.send({"type": "http.response.start", "status": status, "headers": identified})


async def _stream(inbound: Inbound, target: Target, begun: Begun, headers: Headers) -> None:
    record, relay = inbound.record, begun.relay
    pulse = Pulse(inbound.send)
    try:
        await _start(inbound, 200, (*EVENT_STREAM, *headers))
        try:
            last = await _relayed(begun, target.timeouts.idle, pulse)
        except ProviderError as error:
            last = _broken(record, upstream(error))
        except asyncio.CancelledError:
            record.client_aborted |= pulse.stalled
            if not record.draining:
                raise
            last = _broken(record, server_draining())
        pulse.stop()
        record.finished = True
        await inbound.send({"type": "http.response.body", "body": last})
        if record.error is None:
            await _drain(begun)
    finally:
        pulse.stop()
        record.usage, record.events = relay.usage, relay.events
        begun.stream.close()


async def _relayed(begun: Begun, idle: float, pulse: Pulse) -> bytes:
    """Relays until the stream is complete; returns its last bytes, not sent yet. Raises `ProviderError`."""
    stream, relay, out = begun.stream, begun.relay, begun.held
    events = 0
    while not relay.done:
        if out:
            await pulse.send({"type": "http.response.body", "body": out, "more_body": True})
        if relay.error is not None:
            raise relay.error
        if relay.events != events:
            events = relay.events
            stream.extend(idle)
        chunk = await stream.next()
        out = relay.feed(chunk) if chunk else relay.end()
    return out


def _broken(record: Record, error: ApiError) -> bytes:
    """What ends a stream that cannot go on."""
    record.error = error.code or error.type
    return sse.frame_of(error.body()) + sse.frame_of(openai_chat.DONE)


async def _drain(begun: Begun) -> None:
    """Waits a moment for the end of the message after `[DONE]`, without which the connection is lost."""
    begun.stream.extend(DRAIN_S)
    try:
        while await begun.stream.next():
            pass
    except ProviderError:
        return
