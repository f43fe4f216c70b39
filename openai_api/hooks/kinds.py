"""What can be hooked into? Four kinds of hooks, and observers; a class may be several of them.

A method may be `async` or plain. A plain one of the request's phases runs in a thread, so that it may block; `on_event` runs in
the event loop, either way. Each has the class's time limit. What a method raises:

    Refusal        the client is told this, with its status; it is no fault of the hook
    anything else  a fault: the request goes on without the hook if it is `fail_open`, else the client is told 500 `hook_failed`

Attributes that a class may have: `name` (default: the class's), `fail_open` (False; an object that has it finds there what is
configured), `time_limit_s` (1.0 seconds for each call of a method), and `Options`, a `msgspec.Struct` that says which options
there are; the class is called with one, or without arguments if it has no `Options`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from models_catalog.snapshot import Client
from openai_api.errors import ApiError
from openai_api.hooks.answer import HookAnswer
from openai_api.hooks.context import Credentials, HookContext
from openai_api.hooks.event import StreamEvent
from openai_api.hooks.request import HookRequest
from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript


class Refusal(ApiError):
    """Ends the request with an answer of the hook's own: `status` 400 to 599, a `code` for programs, a `message` for people."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None, kind: str = "") -> None:
        if not 400 <= status <= 599:
            raise ValueError("a refusal has a status from 400 to 599")
        super().__init__(status, code, message, kind=kind or KINDS.get(status, _kind(status)), param=param)


KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def _kind(status: int) -> str:
    return "invalid_request_error" if status < 500 else "api_error"


class Grant(msgspec.Struct, frozen=True):
    """Who is calling: `client` in place of the one that the key belongs to, if there is any. `tenant` is noted with the call."""

    client: Client | None = None
    tenant: str = ""


@runtime_checkable
class AuthenticationHook(Protocol):
    """Asked before a request's body is read. Of several the last grant counts; each may refuse. Where nobody grants anything, the
    client keys of the catalog decide."""

    def authenticate(self, context: HookContext, credentials: Credentials) -> Grant | Awaitable[Grant | None] | None: ...


@runtime_checkable
class RequestHook(Protocol):
    """`before_request` may edit the request, or answer it; `after_request` may edit the answer, also a whole one that a cache or
    another hook gave. Of a stream it sees the whole answer after its end, and cannot edit it."""

    def before_request(self, context: HookContext, request: HookRequest) -> HookAnswer | Awaitable[HookAnswer | None] | None: ...

    def after_request(self, context: HookContext, request: HookRequest, answer: HookAnswer) -> Awaitable[None] | None: ...


EventResult = StreamEvent | Iterable[StreamEvent] | None


@runtime_checkable
class StreamingHook(Protocol):
    """Sees each event of a stream, and gives what goes on in its place: the event, another one, several, or None for nothing.
    `on_end`, if there is one, adds events after the last one. A hook that changes nothing returns the event."""

    def on_event(self, context: HookContext, event: StreamEvent) -> EventResult | Awaitable[EventResult]: ...


@runtime_checkable
class ErrorHook(Protocol):
    """Sees every error before the client is told. A `Refusal` that it returns is told instead."""

    def on_error(self, context: HookContext, failure: ApiError) -> Refusal | Awaitable[Refusal | None] | None: ...


@runtime_checkable
class Observer(Protocol):
    """Sees each exchange after its end, in the order of their ends, in the recorder: outside the worker, or in a thread of it. It
    may block. It has at least `observe` or `take_events`; `tick` is called about once a second, `close` at the end."""

    def observe(self, transcript: Transcript) -> None: ...


@runtime_checkable
class EventSink(Protocol):
    """Takes session events, those of a session in their order. `tick` and `close` as in `Observer`."""

    def take_events(self, events: Sequence[SessionEvent]) -> None: ...
