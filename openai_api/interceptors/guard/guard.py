"""What must not be said, in either direction? Rules that refuse it, take it out or note it, also in the midst of streams."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable
from typing import Annotated

import msgspec

from openai_api.hooks.answer import HookAnswer
from openai_api.hooks.context import HookContext
from openai_api.hooks.event import StreamEvent
from openai_api.hooks.kinds import EventResult, Refusal
from openai_api.hooks.request import HookRequest
from openai_api.interceptors.guard.chosen import Choice, look
from openai_api.interceptors.guard.growing import Edit
from openai_api.interceptors.guard.moderation import Moderation, ModerationFailed, Moderator, Windows
from openai_api.interceptors.guard.pieces import Piece, empty_leaks, in_answer, in_request
from openai_api.interceptors.guard.rules import Action, Rule, Where, compiled
from openai_api.interceptors.guard.streaming import GuardedStream
from providers.offload import LARGE, offload

log = logging.getLogger("gateway.guard")
DONE = {Action.DENY: "denied", Action.REDACT: "redacted", Action.LOG: "found"}
TAG = "guard."
USUAL_S = 5.0
"""Seconds of a call without a model."""


class GuardOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(description="What is looked for; of rules that meet the first counts.")] = ()
    replacement: Annotated[
        str, msgspec.Meta(description="In place of what is taken out; {name} is the rule's.", max_length=1000)
    ] = "[REDACTED]"
    status: Annotated[int, msgspec.Meta(description="The status of a refusal.", ge=400, le=599)] = 400
    code: Annotated[str, msgspec.Meta(description="Its code.", min_length=1, max_length=64)] = "content_blocked"
    message: Annotated[str, msgspec.Meta(description="What it says; {name} is the rule's.", min_length=1, max_length=1000)] = (
        "The content was blocked by a rule of this gateway: {name}."
    )
    hold: Annotated[
        int,
        msgspec.Meta(
            description="Characters of a stream that may be held, so that they are not the beginning of a match.", ge=64, le=65536
        ),
    ] = 8192
    moderation: Annotated[
        Moderation | None, msgspec.Meta(description="A model that is asked about requests, answers and streams.")
    ] = None

    def __post_init__(self) -> None:
        Choice(compiled(self.rules, self.replacement))  # whatever is wrong with them is an error of the options


class Guard:
    """Refuses, takes out or notes what its rules find in requests, in answers, in streams and in the calls of tools."""

    name = "guard"
    fail_open = False
    time_limit_s = USUAL_S
    Options = GuardOptions

    def __init__(self, options: GuardOptions) -> None:
        self._options = options
        self._choice = Choice(compiled(options.rules, options.replacement))
        self._key = f"guard {id(self)}"
        self._moderator = None if options.moderation is None else Moderator(options.moderation)
        self._windowed = self._moderator if self._moderator is not None and self._moderator.at(Where.ANSWER) else None
        self.time_limit_s = USUAL_S if options.moderation is None else USUAL_S + options.moderation.time_s

    async def before_request(self, context: HookContext, request: HookRequest) -> None:
        found = await offload(len(request.raw), self._request, request)
        self._note(context, found)
        if self._moderator is not None and self._moderator.at(Where.REQUEST):
            pieces = await offload(len(request.raw), in_request, request.wire, request.body)
            await self._judge(context, self._moderator, self._moderator.text_of(pieces))

    async def after_request(self, context: HookContext, request: HookRequest, answer: HookAnswer) -> None:
        if answer.streamed:
            return
        found = await offload(len(answer.data), self._answer, answer)
        self._note(context, found)
        body = answer.body
        if self._moderator is not None and self._moderator.at(Where.ANSWER) and answer.wire is not None and body is not None:
            texts = [piece.text for piece in in_answer(answer.wire, body)]
            await self._judge(context, self._moderator, "\n\n".join(texts))

    def on_event(self, context: HookContext, event: StreamEvent) -> EventResult | Awaitable[EventResult]:
        stream = self._stream(context)
        if self._windowed is not None:
            return self._in_windows(context, stream, self._windowed, event)
        if len(event.data) <= LARGE:
            return self._taken(context, stream, event)
        return offload(len(event.data), self._taken, context, stream, event)

    def on_end(self, context: HookContext) -> EventResult | Awaitable[EventResult]:
        stream = self._stream(context)
        return stream.end() if self._windowed is None else self._in_windows(context, stream, self._windowed, None)

    async def _in_windows(
        self, context: HookContext, stream: GuardedStream, moderator: Moderator, event: StreamEvent | None
    ) -> EventResult:
        """What goes on when an event has come (None: the end) and the model has been asked, as far as it is time to."""
        windows: Windows = context.state.setdefault(f"{self._key} windows", Windows(moderator.options.window))
        made = stream.end() if event is None else await offload(len(event.data), self._taken, context, stream, event)
        if not windows.add([made] if isinstance(made, StreamEvent) else made) and event is not None:
            return None
        try:
            await self._judge(context, moderator, windows.text)
        except ModerationFailed as error:
            self._failed(context, error)
        return windows.passed()

    def _taken(self, context: HookContext, stream: GuardedStream, event: StreamEvent) -> list[StreamEvent] | StreamEvent:
        try:
            return stream.take(event)
        except TimeoutError as error:
            self._failed(context, error)
            return stream.take(event)  # which looks at nothing any more

    def _failed(self, context: HookContext, error: Exception) -> None:
        """In a stream events are held, which go on in their order if the hook may fail. Raises the error if it may not."""
        if not self.fail_open:
            raise error
        log.warning("a stream goes on unguarded", extra={"error": type(error).__name__, "request_id": context.request_id})

    async def _judge(self, context: HookContext, moderator: Moderator, text: str) -> None:
        """Raises `Refusal` for what the model does not let pass, and `ModerationFailed`."""
        if category := await moderator.judge(context, text):
            self._tag(context, f"moderation: {category}"[:64], moderator.options.action)

    def _stream(self, context: HookContext) -> GuardedStream:
        stream = context.state.get(self._key)
        if stream is None:
            stream = context.state[self._key] = GuardedStream(
                self._choice, self._options.hold, lambda edit: self._note(context, (edit,))
            )
        return stream

    def _request(self, request: HookRequest) -> list[Edit]:
        return self._edit(in_request(request.wire, request.body), Where.REQUEST)[1]

    def _answer(self, answer: HookAnswer) -> list[Edit]:
        body = answer.body
        if answer.wire is None or body is None:
            return []
        changed, found = self._edit(in_answer(answer.wire, body), Where.ANSWER)
        if changed:
            empty_leaks(answer.wire, body)
        return found

    def _edit(self, pieces: Iterable[Piece], where: Where) -> tuple[bool, list[Edit]]:
        """Edits the texts; whether one has changed, and what was found. Stops at what is refused."""
        changed, found = False, []
        for piece in pieces:
            after, edits = look(self._choice, where, piece)
            found += edits
            if any(edit.by.rule.action is Action.DENY for edit in edits):
                break
            if after is not None:
                piece.put(after)
                changed = True
        return changed, found

    def _note(self, context: HookContext, found: Iterable[Edit]) -> None:
        """Tags the request with what was found. Raises `Refusal` for what is denied."""
        for edit in found:
            self._tag(context, edit.by.rule.name, edit.by.rule.action)

    def _tag(self, context: HookContext, name: str, action: Action) -> None:
        tag, done = TAG + name, DONE[action]
        if context.tags.get(tag) != done:
            context.tags[tag] = done
            log.info("a rule has met a text", extra={"rule": name, "done": done, "request_id": context.request_id})
        if action is Action.DENY:
            options = self._options
            raise Refusal(options.status, options.code, options.message.replace("{name}", name))
