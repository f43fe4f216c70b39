"""Which hooks do the tests plug in? Good ones of each kind, and one with every fault that a hook may have."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from models_catalog.snapshot import Client
from openai_api.errors import ApiError
from openai_api.hooks import Credentials, Grant, HookAnswer, HookContext, HookRequest, Refusal, StreamEvent
from providers.types import Secret

HUGE = 100 * 1024 * 1024
MARK = "x-hook"


class Grants:
    """Grants whoever sends the ticket; refuses a bad one with a status of its own."""

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        ticket: Secret
        tenant: str = "acme"

    def __init__(self, options: Options) -> None:
        self.options = options

    async def authenticate(self, context: HookContext, credentials: Credentials) -> Grant | None:
        ticket = credentials.header("x-ticket")
        if ticket is None:
            return None
        if ticket != self.options.ticket:
            raise Refusal(403, "bad_ticket", "This ticket is not known.")
        return Grant(Client("ticket", "ticket holder"), self.options.tenant)


class Edits:
    """Appends a word to what is asked and to what is answered, so that the order of several can be read."""

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        word: str
        canonical: bool = False

    def __init__(self, options: Options) -> None:
        self.options = options

    def before_request(self, context: HookContext, request: HookRequest) -> None:
        seen = request.body.setdefault("x_seen", [])
        request.body["x_seen"] = [*seen, self.options.word]
        context.tags[self.options.word] = "before"

    def after_request(self, context: HookContext, request: HookRequest, answer: HookAnswer) -> None:
        if answer.body is not None:
            answer.body["x_seen"] = [*answer.body.get("x_seen", []), self.options.word]

    def on_event(self, context: HookContext, event: StreamEvent) -> StreamEvent:
        body = event.body
        return event.changed(x_seen=[*body.get("x_seen", []), self.options.word])


class Says:
    """Makes the system prompt say something, in canonical form: the same for every conversation."""

    async def before_request(self, context: HookContext, request: HookRequest) -> None:
        from providers.canonical.blocks import Role, Text, Turn

        asked = request.canonical
        if asked is not None:
            turn = Turn(role=Role.USER, blocks=(Text("and the canonical word"),))
            request.canonical = msgspec.structs.replace(asked, turns=(*asked.turns, turn))


class Answers:
    """Answers in place of an upstream, or refuses."""

    async def before_request(self, context: HookContext, request: HookRequest) -> HookAnswer | None:
        if context.headers.get(MARK) == "answer":
            return HookAnswer.saying("from the hook")
        if context.headers.get(MARK) == "body":
            return HookAnswer(body={"object": "list", "data": [], "model": "x", "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        if context.headers.get(MARK) == "refuse":
            raise Refusal(451, "not_here", "Not in this country.")
        if context.headers.get(MARK) == "rename":
            request.model = context.headers["x-model"]
        return None


class Streams:
    """Drops, adds and ends in a stream."""

    async def on_event(self, context: HookContext, event: StreamEvent) -> StreamEvent | Iterable[StreamEvent] | None:
        mark = context.headers.get(MARK)
        if mark == "drop":
            return None
        if mark == "add":
            return [event, event]
        if mark == "wait":
            await asyncio.sleep(0.001)
        if mark == "refuse-late" and context.state.setdefault("events", 0) >= 1:
            raise Refusal(403, "enough", "Enough was said.")
        if mark == "refuse-first":
            raise Refusal(403, "nothing", "Nothing is said.")
        context.state["events"] = context.state.get("events", 0) + 1
        return event

    def on_end(self, context: HookContext) -> list[StreamEvent]:
        return []


class Errors:
    """Tells errors in its own words."""

    def on_error(self, context: HookContext, failure: ApiError) -> Refusal | None:
        if context.headers.get(MARK) != "reword":
            return None
        return Refusal(418, "reworded", f"It was {failure.status}.")


class Watches:
    """Writes what it is shown to a file."""

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        path: str

    def __init__(self, options: Options) -> None:
        self.path = options.path

    def observe(self, transcript: Any) -> None:
        with open(self.path, "ab") as file:  # noqa: PTH123
            file.write(msgspec.json.encode(transcript) + b"\n")


class FaultOptions(msgspec.Struct, forbid_unknown_fields=True):
    phase: str
    fault: str
    plain: bool = False


class Faulty:
    """Has one phase, in which something is wrong."""

    Options: ClassVar = FaultOptions

    def __init__(self, options: FaultOptions) -> None:
        fault: Callable[[tuple[Any, ...]], Any] = PLAIN[options.fault]
        waiting = WAITING.get(options.fault)
        if options.plain:
            method: Any = lambda *args: fault(args)  # noqa: E731
        elif waiting is not None:
            method = waiting
        else:

            async def method(*args: Any) -> Any:
                return fault(args)

        setattr(self, options.phase, method)


def faulty(options: FaultOptions) -> Faulty:
    return Faulty(options)


faulty.Options = FaultOptions  # type: ignore[attr-defined]


def _raises(args: tuple[Any, ...]) -> Any:
    raise ValueError("a fault of the hook, with a secret in it: sk-hook-canary-00112233445566778899")


def _cancels(args: tuple[Any, ...]) -> Any:
    raise asyncio.CancelledError


def _exits(args: tuple[Any, ...]) -> Any:
    raise SystemExit(3)


def _blocks(args: tuple[Any, ...]) -> Any:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        pass


def _sleeps(args: tuple[Any, ...]) -> Any:
    time.sleep(30)


def _junk(args: tuple[Any, ...]) -> Any:
    return "junk"


def _huge(args: tuple[Any, ...]) -> Any:
    thing = args[-1]
    if isinstance(thing, StreamEvent):
        return thing.changed(x="x" * HUGE)
    thing.body["x"] = "x" * HUGE
    return None


def _spoils(args: tuple[Any, ...]) -> Any:
    thing = args[-1]
    if isinstance(thing, StreamEvent):
        return [thing, "junk"]
    thing.body["x"] = object()
    return None


async def _hangs(*args: Any) -> Any:
    await asyncio.Event().wait()


async def _swallows(*args: Any) -> Any:
    for _ in range(200):
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue


PLAIN: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "raise": _raises,
    "cancel": _cancels,
    "exit": _exits,
    "block": _blocks,
    "sleep": _sleeps,
    "junk": _junk,
    "huge": _huge,
    "spoil": _spoils,
    "hang": _sleeps,
    "swallow": _sleeps,
}
WAITING = {"hang": _hangs, "swallow": _swallows}


class TellsTags:
    """Refuses each request with its tags, as JSON."""

    def before_request(self, context: HookContext, request: HookRequest) -> None:
        raise Refusal(418, "tags", json.dumps(context.tags))
