"""Which events does an exchange amount to? Those of its session, in their order.

    session.start  if the session is new     tool.result  each     llm.call.start
    llm.call.finish  or  llm.call.error      tool.execution  each

No wire is known here: bodies are read by the codecs (`heard`).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from time import time

import msgspec

from openai_api.observing.fold import attributes as told
from openai_api.observing.fold.attributes import Attributes, common
from openai_api.observing.fold.failing import Failed, failed
from openai_api.observing.fold.heard import Heard, heard
from openai_api.observing.fold.memory import Kept, Live, Memory, Waiting
from openai_api.observing.fold.said import blocks_of
from openai_api.observing.session_event import EventName, Level, SessionEvent, new_span_id, trace_id_of
from openai_api.observing.transcript import Transcript
from openai_api.recording.events import Record
from providers.canonical.blocks import HostedCall, ToolCall, ToolResult

IDLE_S = 1800.0
KEEP_S = 30.0
"""How often the memory is kept, if it has changed."""
IDLE, CROWDED = "idle", "capacity"
COUNTED = ("/count_tokens", "/input_tokens", ":countTokens")
"""Ends of paths that only count what a request would use."""


class Bodies(StrEnum):
    """Of whom events hold what was said."""

    OFF = "off"
    KEYS = "keys"
    """Of client keys that allow it."""
    ALL = "all"


class Fold:
    """Takes exchanges in the order of their ends. One thread calls it.

    A session in which nothing has happened for `idle_s` seconds has ended. `kept` is where the memory outlives the process.
    """

    def __init__(self, bodies: Bodies = Bodies.KEYS, idle_s: float = IDLE_S, kept: Kept | None = None) -> None:
        self._bodies = bodies
        self._idle_s = idle_s
        self._kept = kept
        self._memory = Memory()
        self._changed = False
        self._keep_at = 0.0
        if kept is not None and (state := kept.load()):
            self._restore(state)

    def events(self, transcript: Transcript) -> list[SessionEvent]:
        """The events of an exchange; none if it belongs to no session."""
        record = transcript.record
        if not record.session or record.capability is None or record.path.endswith(COUNTED):
            return []
        self._changed = True
        bodies = self._bodies is Bodies.ALL or (self._bodies is Bodies.KEYS and transcript.bodies)
        live = self._memory.find(record)
        ended = []
        start: bool | None = None  # whether it is resumed
        if live is None:
            live, resumed = self._memory.begin(record)
            start = resumed if resumed or record.session_new else None
            ended = [self._end(each, transcript.ended, CROWDED) for each in self._memory.crowded()]
        exchange = _Exchange(transcript, live, heard(transcript), bodies=bodies)
        events = list(exchange.events(start))
        self._memory.touch(live, max(transcript.ended, record.started))
        return [*ended, *events]

    def due(self, now: float) -> list[SessionEvent]:
        """The ends of sessions that are idle at that time (seconds since the epoch). Keeps the memory now and then."""
        ended = [self._end(live, now, IDLE) for live in self._memory.idle(now - self._idle_s)]
        if ended or (self._changed and now >= self._keep_at):
            self._keep(now)
        return ended

    def close(self) -> list[SessionEvent]:
        """Keeps the memory for the next one. Sessions that go on have not ended because the recorder does."""
        self._keep(time())
        if self._kept is not None:
            self._kept.close()
        return []

    def _keep(self, now: float) -> None:
        self._changed, self._keep_at = False, now + KEEP_S
        if self._kept is not None:
            self._kept.keep(self._memory.state())

    def _restore(self, state: bytes) -> None:
        try:
            self._memory.restore(state)
        except msgspec.MsgspecError:  # damaged, or of another version: the sessions in it have no end
            self._memory = Memory()

    def _end(self, live: Live, now: float, reason: str) -> SessionEvent:
        given = told.of_session_end(live, now, reason)
        return _event(EventName.SESSION_END, now, live, live.span or new_span_id(), given, bodies=False)


class _Exchange:
    """One exchange on its way to events."""

    def __init__(self, transcript: Transcript, live: Live, found: Heard, *, bodies: bool) -> None:
        self._transcript = transcript
        self._record: Record = transcript.record
        self._live = live
        self._found = found
        self._bodies = bodies
        self._began = min(self._record.started, transcript.ended)
        vendor = self._record.attempts[-1].vendor if self._record.attempts else ""
        self._call = told.of_call(self._record, vendor or transcript.dialect)

    def events(self, start: bool | None) -> Iterator[SessionEvent]:
        """All events, in their order. `start` says whether the session is resumed, None if it does not start here."""
        live, record = self._live, self._record
        live.model = record.model or live.model
        live.agent = record.agent or live.agent
        live.tags |= record.tags
        if start is not None:
            yield self._event(EventName.SESSION_START, self._began, told.of_start(record, self._found, resumed=start))
        yield from self._results()
        asked = told.of_asked(self._transcript, self._found, bodies=self._bodies)
        yield self._event(EventName.CALL_START, self._began, asked)
        yield from self._answered(live.span, failed(self._transcript, self._found))

    def _answered(self, span: str, failure: Failed | None) -> Iterator[SessionEvent]:
        live, ended = self._live, self._transcript.ended
        live.calls += 1
        end = told.of_end(self._transcript, self._found, bodies=self._bodies)
        if failure is None:
            yield self._event(EventName.CALL_FINISH, ended, end | told.of_finish(self._found, bodies=self._bodies), span)
            yield from self._executions()
            return
        live.errors += 1
        level = Level.WARNING if failure.left else Level.ERROR
        yield self._event(EventName.CALL_ERROR, ended, end | told.of_failure(failure), span, level)

    def _results(self) -> Iterator[SessionEvent]:
        """The results that the request brings, in the order of its messages."""
        for turn in self._found.turns():
            for block in turn.blocks:
                if isinstance(block, ToolResult) and not self._live.is_told(block.call_id):
                    waited = self._live.result(block.call_id, block.name)
                    name = block.name or (waited.name if waited is not None else self._names.get(block.call_id or "", ""))
                    given = told.of_result(block, name, waited, self._began)
                    span = waited.span if waited is not None else self._live.span
                    level = Level.WARNING if block.is_error else Level.INFO
                    yield self._event(EventName.TOOL_RESULT, self._began, given, span, level)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Which tool each call is of that the request repeats."""
        calls = (block for turn in self._found.repeated() for block in turn.blocks if isinstance(block, ToolCall))
        return {call.call_id: call.name for call in calls if call.call_id}

    def _executions(self) -> Iterator[SessionEvent]:
        """The calls of tools that the answer asks for."""
        answer, live = self._found.answer, self._live
        for block in blocks_of(answer) if answer is not None else ():
            if isinstance(block, ToolCall | HostedCall):
                live.tools += 1
                yield self._event(EventName.TOOL_EXECUTION, self._transcript.ended, told.of_execution(block))
                if isinstance(block, ToolCall):
                    live.ask(Waiting(block.call_id, block.name, live.span, self._transcript.ended))

    def _event(
        self, name: EventName, at: float, given: Attributes, span: str | None = None, level: Level = Level.INFO
    ) -> SessionEvent:
        """An event of the exchange, with a span of its own unless one is given; the session's last span is that of the last
        event that had its own."""
        live = self._live
        if not span:
            span = live.span = new_span_id()
        record = self._record
        made = _event(name, at, live, span, self._call | given, bodies=self._bodies, level=level)
        made.request_id, made.model, made.tags = record.request_id, record.model or "", dict(record.tags)
        return made


def _event(
    name: EventName, at: float, live: Live, span: str, given: Attributes, *, bodies: bool, level: Level = Level.INFO
) -> SessionEvent:
    return SessionEvent(
        name=name,
        at=at,
        session_id=live.session_id,
        trace_id=trace_id_of(live.session_id, live.client_id),
        span_id=span,
        agent_id=live.agent,
        level=level,
        attributes=common(name, live, given, bodies=bodies),
        client_id=live.client_id,
        client_name=live.client_name,
        tenant=live.tenant,
        model=live.model,
        tags=live.tags,
        bodies=bodies,
    )
