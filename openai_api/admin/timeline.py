"""How do the events of a session make a timeline? Calls with their ends, tools with their results, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from openai_api.admin import figures
from openai_api.admin.said import Message, Text, messages_of, text_of
from openai_api.models import SessionEventRow, UsageRecord
from openai_api.observing import names
from openai_api.observing.session_event import EventName, Level

HARMLESS = frozenset(each.name for each in names.ATTRIBUTES if not each.said) | frozenset(names.BESIDE.values())
"""Attributes that may be told to those who may not see what was said; any other may hold it."""
VALUE = 400
"""Characters of an attribute's value in the table of attributes."""
ENDS = (EventName.CALL_FINISH, EventName.CALL_ERROR)
KINDS: dict[str, str] = {
    EventName.SESSION_START: "start",
    EventName.SESSION_END: "end",
    EventName.CALL_START: "call",
    EventName.CALL_FINISH: "call",
    EventName.CALL_ERROR: "call",
    EventName.TOOL_EXECUTION: "tool",
    EventName.TOOL_RESULT: "tool",
}
ICONS = {"start": "play_arrow", "end": "stop", "call": "forum", "tool": "build", "other": "circle"}
FINISHED = {"stop", "end_turn", "tool_calls", "tool_use", "completed", "STOP"}
"""Reasons of an answer's end of which nothing need be said."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the timeline needs it. `attributes` is None where they were too large to be read; `withheld` says that some
    hold what was said, and are left out, as who looks may not see it. `pk` names it for good: numbers of events move when one
    that was heard of late takes its place."""

    pk: int
    number: int
    at: datetime
    name: str
    level: str
    span: str
    request_id: str
    model: str
    attributes: Mapping[str, Any] | None
    withheld: bool = False

    def get(self, *wanted: str) -> Any:
        """The first of these attributes that is there."""
        found = self.attributes or {}
        return next((found[name] for name in wanted if found.get(name) is not None), None)

    def text(self, *wanted: str) -> str:
        value = self.get(*wanted)
        return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def said(self, name: str) -> Text | None:
        value = self.get(name)
        return None if value is None else text_of(value)

    def whole(self, *wanted: str) -> int | None:
        value = self.get(*wanted)
        return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63 else None

    @property
    def facts(self) -> list[tuple[str, Text]]:
        """Its attributes, in the order of their names."""
        return [(name, text_of(value, VALUE)) for name, value in sorted((self.attributes or {}).items())]


def event_of(row: SessionEventRow, attributes: str | None, *, may_read: bool) -> Event:
    """The event of a row whose attributes are that text; None where it was too long to be read."""
    found = None if attributes is None else readable(attributes)
    told = found
    if found is not None and row.bodies and not may_read:
        told = {name: value for name, value in found.items() if name in HARMLESS}
    withheld = row.bodies and not may_read
    return Event(row.pk, row.number, row.at, row.name, row.level, row.span, row.request_id, row.model, told, withheld)


def readable(text: str) -> dict[str, Any]:
    """Attributes as they stand in a row."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Entry:
    """One thing that happened: `first` began it, `last` ended it if that is known. `since` is the time since the session began,
    `request` the row of the request that it was part of."""

    kind: str
    first: Event
    last: Event | None = None
    request: UsageRecord | None = None
    since: timedelta = field(default_factory=timedelta)

    @property
    def key(self) -> str:
        """What it is called on the page."""
        return f"event-{self.first.pk}"

    @property
    def events(self) -> list[Event]:
        return [self.first, self.last] if self.last else [self.first]

    @property
    def end(self) -> Event:
        return self.last or self.first

    @property
    def begun(self) -> bool:
        """Whether its beginning is known here; that of an end alone stands on the page before, or is deleted."""
        return self.first.name not in (*ENDS, EventName.TOOL_RESULT)

    @property
    def running(self) -> bool:
        return self.kind in ("call", "tool") and self.begun and self.last is None

    @property
    def failed(self) -> bool:
        return self.end.level == Level.ERROR or self.end.name == EventName.CALL_ERROR

    @property
    def withheld(self) -> bool:
        return any(event.withheld for event in self.events)

    @property
    def too_large(self) -> bool:
        return any(event.attributes is None for event in self.events)

    @property
    def model(self) -> str:
        return self.end.text("gen_ai.response.model") or self.end.model or self.first.model

    @property
    def vendor(self) -> str:
        return self.end.text("llm.vendor")

    @property
    def asked(self) -> list[Message]:
        return messages_of(self.first.get("llm.request.data")) if self.begun else []

    @property
    def answered(self) -> list[Message]:
        return messages_of(self.end.get("llm.response.content"), "assistant") if self.end.name in ENDS else []

    @property
    def refusal(self) -> Text | None:
        return self.end.said("refusal")

    @property
    def error(self) -> dict[str, Any]:
        """Type, message and status of the failure."""
        return {
            "type": self.end.text("error.type") or "error",
            "message": self.end.said("error.message"),
            "status": self.end.text("http.status_code"),
        }

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        row = self.request
        read = self.end.whole("llm.usage.input_tokens"), self.end.whole("llm.usage.output_tokens")
        return read if read != (None, None) or row is None else (row.input_tokens, row.output_tokens)

    @property
    def cost(self) -> str:
        """In USD; "" where it is not known."""
        try:
            return figures.usd(Decimal(str(self.end.get("llm.cost_usd"))))
        except ArithmeticError:
            return "" if self.request is None or self.request.cost_usd is None else figures.usd(self.request.cost_usd)

    @property
    def milliseconds(self) -> int | None:
        """How long it took."""
        if self.kind == "tool":
            told = self.end.whole("tool.execution_time_ms")
            between = round((self.last.at - self.first.at).total_seconds() * 1000) if self.last else None
            return told or between
        return self.end.whole("llm.response.duration_ms")

    @property
    def finish(self) -> str:
        """Why the answer ended, where that is not what is expected."""
        told = self.end.text("finish_reason")
        return "" if told in FINISHED else told

    @property
    def tool(self) -> str:
        return self.end.text("tool.name") or self.first.text("tool.name")

    @property
    def params(self) -> Text | None:
        return self.first.said("tool.params")

    @property
    def result(self) -> Text | None:
        return self.end.said("tool.result")

    @property
    def tools(self) -> list[str]:
        """The names of the tools that the session began with."""
        value = self.first.get("tools")
        return [named(tool) for tool in value] if isinstance(value, list) else []

    # How it is shown

    @property
    def offset(self) -> str:
        return figures.offset(self.since)

    @property
    def icon(self) -> str:
        return "error" if self.failed and self.kind != "tool" else ICONS[self.kind]

    @property
    def title(self) -> str:
        titles = {"start": "Session began", "end": "Session ended", "call": self.model or "Call", "tool": self.tool or "Tool"}
        return titles.get(self.kind, self.first.name)

    @property
    def detail(self) -> str:
        """What stands beside the title."""
        if self.kind == "end":
            return self.first.text("session.end.reason")
        if self.kind in ("call", "tool") and not self.begun:
            return "its beginning is not on this page"
        return self.vendor if self.kind == "call" else ""

    @property
    def chips(self) -> list[tuple[str, str, str]]:
        """Short facts: their colour, their text and what they mean."""
        if self.running:
            return [("good", "runs", "Its end has not been heard of.")]
        if self.kind not in ("call", "tool"):
            return []
        found = [] if self.milliseconds is None else [("", figures.duration(self.milliseconds), "How long it took")]
        return [*self._chips_of_tool(), *found] if self.kind == "tool" else [*self._chips_of_call(), *found]

    def _chips_of_tool(self) -> list[tuple[str, str, str]]:
        status = self.end.text("tool.status")
        return [("good" if status == "success" else "bad", status, "What its result said")] if status else []

    def _chips_of_call(self) -> list[tuple[str, str, str]]:
        found = [("warn", self.finish, "Why the answer ended")] if self.finish else []
        if self.tokens != (None, None):
            found.append(("", " → ".join(map(figures.number, self.tokens)), "Tokens of the request and of the answer"))
        if self.cost:
            found.append(("", f"${self.cost}", "Cost in USD"))
        return found


def named(tool: object) -> str:
    """The name of a tool, told as such or with its description."""
    if isinstance(tool, Mapping):
        inner = tool.get("function")
        tool = tool.get("name") or (inner.get("name") if isinstance(inner, Mapping) else None) or tool.get("type") or "?"
    return str(tool)[:200]


def entries(events: Iterable[Event], since: datetime, requests: Mapping[str, UsageRecord]) -> list[Entry]:
    """The timeline of these events, which stand in order; `since` is when the session began."""
    made: list[Entry] = []
    waiting: dict[tuple[str, str], Entry] = {}
    for event in events:
        begun = next((waiting.pop(key) for key in answers(event) if key in waiting), None)
        if begun is not None:
            begun.last = event
            continue
        entry = Entry(KINDS.get(event.name, "other"), event, None, requests.get(event.request_id), event.at - since)
        made.append(entry)
        for key in awaits(event):
            waiting[key] = entry
    for entry in made:
        entry.request = entry.request or requests.get(entry.end.request_id)
    return made


def awaits(event: Event) -> Iterator[tuple[str, str]]:
    """By what the end of this event will be known."""
    if event.name == EventName.CALL_START:
        yield ("call", event.request_id or event.span)
    elif event.name == EventName.TOOL_EXECUTION:
        yield ("tool", event.text("gen_ai.tool.call.id") or event.span)


def answers(event: Event) -> Iterator[tuple[str, str]]:
    """By what the beginning of this event is known."""
    if event.name in ENDS:
        yield ("call", event.request_id or event.span)
    elif event.name == EventName.TOOL_RESULT:
        yield ("tool", event.text("gen_ai.tool.call.id") or event.span)
