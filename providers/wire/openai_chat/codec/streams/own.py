"""How is a chunk of a chat stream made again, of its events and of what they have not told?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from providers.canonical.blocks import Reasoning, Refusal, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    Beside,
    BlockStarted,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageTold,
)
from providers.canonical.extra import Json
from providers.canonical.tools import CallKind
from providers.wire.openai_chat.codec.answers.annotations import logprobs_json
from providers.wire.openai_chat.codec.answers.stops import reason_of
from providers.wire.openai_chat.codec.answers.usage import usage_json
from providers.wire.openai_chat.codec.calls import ARGUMENTS
from providers.wire.openai_chat.codec.leftovers import spelled
from providers.wire.openai_chat.codec.streams.decode import CHUNK, KINDS


class _Told:
    """What the events of one chunk tell of one choice, field by field."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.logprobs: list[Json] | None = None
        self.reason: str | None = None
        self.calls: list[Event] = []


class OwnChunks:
    """The chunks of one stream."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._names: dict[tuple[int, int], str] = {}
        """Choice and block → the field of a delta where its text stands."""

    def chunk(self, events: Sequence[Event], beside: Beside) -> Json:
        left = beside.extra.fields
        told: dict[int, _Told] = {}
        usage: Json | None = None
        for event in events:
            if isinstance(event, Started):
                said = {name: getattr(event.answer, name) for name in KINDS}
                self._head = {name: value for name, value in said.items() if value is not None} | {"object": CHUNK}
            elif isinstance(event, UsageTold):
                usage = None if spelled(event.used.extra, "beside") else usage_json(event.used)
            elif hasattr(event, "choice") and event.choice is not None:
                self._note(event, told.setdefault(event.choice, _Told()))
        made = {**self._head, **left["rest"]}
        for name in left.get("absent", ()):
            del made[name]
        if usage is not None:
            made["usage"] = usage
        if "choices" in left:
            made["choices"] = [_choice(one, told.get(one["rest"].get("index") or 0) or _Told()) for one in left["choices"]]
        return made

    def _note(self, event: Any, told: _Told) -> None:
        if isinstance(event, BlockStarted):
            self._names[event.choice, event.block] = _name(event)
            if isinstance(event.value, ToolCall):
                told.calls.append(event)
        elif spelled(getattr(event, "extra", None), "kept"):
            return
        elif isinstance(event, TextDelta | ReasoningDelta):
            name = self._names[event.choice, event.block]
            told.texts[name] = told.texts.get(name, "") + event.text
            if isinstance(event, TextDelta) and event.logprobs is not None:
                told.logprobs = [*(told.logprobs or ()), *logprobs_json(event.logprobs)]
        elif isinstance(event, ArgumentsDelta):
            told.calls.append(event)
        elif isinstance(event, Finished):
            told.reason = reason_of(event.stop, own=True, called=False)


def _name(event: BlockStarted) -> str:
    if isinstance(event.value, Reasoning):
        return event.value.called
    return "refusal" if isinstance(event.value, Refusal) else "content"


def _choice(left: Json, told: _Told) -> Json:
    made = dict(left["rest"])
    if "delta" in left:
        delta = {**left["delta"], **told.texts}
        if "calls" in left:
            events = iter(told.calls)
            delta["tool_calls"] = [_piece(piece, events) for piece in left["calls"]]
        made["delta"] = delta
    if told.logprobs is not None:
        made["logprobs"] = {**(made.get("logprobs") or {}), "content": told.logprobs}
    if told.reason is not None:
        made["finish_reason"] = told.reason
    return made


def _piece(left: Json, events: Iterator[Any]) -> Json:
    made = dict(left["rest"])
    inner = dict(left.get("inner", ()))
    if left.get("named") or left.get("known"):
        begun = next(event.value for event in events if isinstance(event, BlockStarted) and isinstance(event.value, ToolCall))
        made |= {"id": begun.call_id} if left.get("known") else {}
        inner |= {"name": begun.name} if left.get("named") else {}
    if left.get("told"):
        inner[ARGUMENTS[CallKind(left["kind"])]] = next(event.text for event in events if isinstance(event, ArgumentsDelta))
    return made | ({left["kind"]: inner} if "inner" in left else {})
