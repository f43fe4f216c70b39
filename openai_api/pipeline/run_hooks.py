"""How do the hooks run in the journey of a request? Asked who calls, before and after the call, at each event and error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from models_catalog.snapshot import Client
from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError
from openai_api.hooks.answer import HookAnswer
from openai_api.hooks.chain import Chain, Streaming
from openai_api.hooks.context import Credentials, HookContext
from openai_api.hooks.event import StreamEvent
from openai_api.hooks.guarded import FAULTS, Skipped
from openai_api.hooks.request import HookRequest, Junk
from openai_api.taps import Tap
from providers.bytes.event import Event
from providers.bytes.framing import SSE, Framing
from providers.bytes.sse import Frames
from providers.errors import ProviderError
from providers.offload import offload
from providers.types import Answered, Call, Reply, Secret, Wire
from providers.wire.over_http import OVER_HTTP

log = logging.getLogger("gateway.hooks")
MOST_GATHERED = 16 * 1024 * 1024
"""Bytes of a stream that are kept for `after_request`; of a longer one it sees no body."""
JUNK = (ProviderError, TypeError, ValueError, KeyError, OverflowError, AttributeError, RecursionError)
"""What comes of a body that a hook has made and nobody can encode."""


def context_of(inbound: Inbound) -> HookContext:
    """What hooks know of the request: one value, from its beginning to its end."""
    if inbound.context is None:
        inbound.context = HookContext(inbound.record, inbound.headers, inbound.caller, inbound.peer, inbound.wire)
    context = inbound.context
    context.client, context.wire = inbound.caller, inbound.wire
    return context


async def authenticate_by_hooks(chain: Chain, inbound: Inbound, keys: Iterable[bytes]) -> Client | None:
    """The client that a hook grants, the last of several; None if none does. Raises `ApiError`."""
    context = context_of(inbound)
    credentials = Credentials(tuple(Secret(key.decode("latin-1")) for key in keys), inbound.headers)
    client: Client | None = None
    for authenticate in chain.authentication:
        grant = await authenticate.call(context, credentials)
        if isinstance(grant, Skipped) or grant is None:
            continue
        inbound.record.tenant = grant.tenant or inbound.record.tenant
        client = grant.client or client
    return client


async def on_error(gateway: Gateway, inbound: Inbound, error: ApiError) -> ApiError:
    """The error that the client is told: what the hooks make of it."""
    record = inbound.record
    chain = gateway.hooks.narrowed(record.model, record.client_name, record.client_id)
    if chain is None or not chain.errors:
        return error
    return await _through_errors(chain, context_of(inbound), error)


async def _through_errors(chain: Chain, context: HookContext, error: ApiError) -> ApiError:
    for hook in chain.errors:
        try:
            changed = await hook.call(context, error)
        except ApiError as raised:
            error = error if raised.code in FAULTS else raised  # an error is told although a hook for it failed
            continue
        if changed is not None and not isinstance(changed, Skipped):
            error = changed
    return error


class HookRun:
    """The hooks of one exchange. `limit` is the size of bodies that they may make, in bytes."""

    def __init__(self, chain: Chain, context: HookContext, limit: int) -> None:
        self._chain = chain
        self._context = context
        self._limit = limit
        self._gathered: _Gather | None = None

    async def before(self, call: Call) -> Call | Answered:
        for hook in self._chain.before:
            request = HookRequest(call)
            answer = await hook.call(self._context, request)
            if isinstance(answer, Skipped):
                continue
            try:
                if answer is not None:
                    made: Answered = await answer.answered(request.call)
                    return made
                call = self._bounded(await offload(len(call.body), request.result))
            except JUNK as error:
                hook.junk(error, self._context)
        return call

    def taps(self, call: Call, content_type: str) -> tuple[Tap, ...]:
        framing = OVER_HTTP[call.wire].framing
        made: list[Tap] = [HookTap(streaming, self._context, call.wire, framing) for streaming in self._chain.streaming]
        if self._chain.after:
            self._gathered = _Gather(content_type)
            made.append(self._gathered)
        return tuple(made)

    async def finish(self, call: Call, reply: Reply) -> Reply:
        for hook in self._chain.after:
            answer = HookAnswer.of(reply, call)
            if isinstance(await hook.call(self._context, HookRequest(call), answer), Skipped):
                continue
            try:
                made = await offload(len(reply.body), answer.result)
                if len(made.body) > self._limit:
                    raise Junk(f"an answer of more than {self._limit} bytes")
                reply = made
            except JUNK as error:
                hook.junk(error, self._context)
        return reply

    async def failed(self, error: ApiError) -> ApiError:
        return await _through_errors(self._chain, self._context, error)

    async def ended(self, call: Call) -> None:
        if self._gathered is None:
            return
        gathered, self._gathered = self._gathered, None
        for hook in self._chain.after:
            answer = HookAnswer.of_stream(gathered.frames, call, gathered.content_type)
            try:
                await hook.call(self._context, HookRequest(call), answer)
            except ApiError:
                log.warning("a refusal came after the stream had ended", extra={"hook": hook.manner.name})

    def _bounded(self, call: Call) -> Call:
        if len(call.body) > self._limit:
            raise Junk(f"a request of more than {self._limit} bytes")
        return call


class HookTap:
    """A `Tap` that gives the events to one streaming hook. One that has an `on_end` may hold events back: once it has seen one of
    a stream it sees all, whatever becomes of its circuit."""

    def __init__(self, streaming: Streaming, context: HookContext, wire: Wire, framing: Framing = SSE) -> None:
        self._begun = False
        self._streaming = streaming
        self._context = context
        self._wire = wire
        self._framing = framing

    def event(self, event: Event) -> Iterable[Event] | Awaitable[Iterable[Event]]:
        told = StreamEvent(event, self._wire, self._framing)
        result = self._streaming.on_event.at_once(self._context, told, begun=self._begun)
        if not isinstance(result, Skipped):
            self._begun = self._streaming.on_end is not None
        if type(result) is tuple:
            return [event] if len(result) == 1 and result[0] is told else [made.event for made in result]
        return [event] if isinstance(result, Skipped) else self._awaited(result, [event])

    def end(self) -> Iterable[Event] | Awaitable[Iterable[Event]]:
        on_end = self._streaming.on_end
        if on_end is None:
            return ()
        result = on_end.at_once(self._context, begun=self._begun)
        if isinstance(result, tuple):
            return [made.event for made in result]
        return () if isinstance(result, Skipped) else self._awaited(result, [])

    async def _awaited(self, result: Any, instead: Sequence[Event]) -> Iterable[Event]:
        events = await result
        return instead if isinstance(events, Skipped) else [made.event for made in events]


class _Gather:
    """A `Tap` that keeps what goes by."""

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type
        self.frames: Frames = []
        self._size = 0

    def event(self, event: Event) -> Iterable[Event]:
        self._size += len(event.frame)
        if self._size <= MOST_GATHERED:
            self.frames.append(event.frame)
        else:
            self.frames.clear()
        return (event,)

    def end(self) -> Iterable[Event]:
        return ()
