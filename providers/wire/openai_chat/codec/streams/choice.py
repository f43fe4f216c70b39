"""What do the chunks of one choice tell: texts, thoughts, calls, and why it stops?

What comes whole in a delta (pictures, sound, citations, parts of a content) is told by events, and left as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import Block, Image, Opaque, Reasoning, Refusal, Text, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    CitationDelta,
    Event,
    Finished,
    MediaDelta,
    ReasoningDelta,
    TextDelta,
)
from providers.canonical.extra import Extra, Json, Place
from providers.canonical.functions import custom_input, told_in_pieces
from providers.canonical.tools import CallKind, SentTools
from providers.errors import InvalidResponse
from providers.wire.openai_chat.codec.answers.annotations import citation_of, logprobs_of
from providers.wire.openai_chat.codec.answers.stops import stop_of
from providers.wire.openai_chat.codec.calls import ARGUMENTS
from providers.wire.openai_chat.codec.content import WHOLE_TEXT, part_block
from providers.wire.openai_chat.codec.messages import (
    DETAILS,
    SILENT_IN_ANSWERS,
    THOUGHTS,
    audio_block,
    image_block,
    thought_blocks,
)
from providers.wire.openai_chat.codec.streams.calls import Call, Calls
from providers.wire.openai_chat.codec.words import WIRE

KEPT = Extra(WIRE, {"kept": True})
"""Of an event whose text stands in what was left of the chunk."""
MESSAGE = "message"
"""What a refusal is called that is no part of the content."""
CUT = frozenset({"length", "content_filter"})
"""Reasons for which a call may lack its name."""
KNOWN = frozenset(
    {"content", "refusal", "tool_calls", "function_call", "images", "annotations", "audio", "role", DETAILS, *THOUGHTS}
)


class ChoiceReader:
    """One choice; `finished` is true once it has said why it stops."""

    def __init__(self, index: int, sent: SentTools) -> None:
        self.finished = False
        self._index = index
        self._place: Place = ("choices", index, "delta")
        self._sent = sent
        self._blocks = 0
        self._open: Block | None = None
        """The text or the thoughts that are being told."""
        self._number = 0
        """Of the open block."""
        self._length = self._start = 0
        """Characters of all text, and of that before the open block."""
        self._calls = Calls()
        self._sound: int | None = None

    def read(self, choice: Json, events: list[Event], lost: list[str]) -> Json:
        """Adds the events of a choice of a chunk; gives what is left of it."""
        left: Json = {"rest": {name: value for name, value in choice.items() if name not in ("delta", "finish_reason")}}
        delta = choice.get("delta")
        if type(delta) is dict:
            left["delta"] = self._delta(delta, choice.get("logprobs"), left, events, lost)
        elif delta:
            raise InvalidResponse("a delta is no object")
        elif "delta" in choice:
            left["rest"]["delta"] = delta
        reason = choice.get("finish_reason")
        if type(reason) is str and reason:
            self.finished = True
            events.extend(self.close(cut=reason in CUT))
            events.append(Finished(stop_of(reason, self._place[:-1]), self._index))
        elif reason:
            raise InvalidResponse("the finish reason is no text")
        elif "finish_reason" in choice:
            left["rest"]["finish_reason"] = reason
        return left

    def close(self, *, cut: bool = True) -> Sequence[Event]:
        """The ends of all that is open. Raises `InvalidResponse` for a call without a name, unless it was cut off."""
        events: list[Event] = []
        self._close_open(events)
        for call in self._calls.all:
            if call.block is None:
                if not cut and call.arguments and not call.name:
                    raise InvalidResponse("a tool call has no name")
                continue
            kind = self._kind(call)
            if not told_in_pieces(kind) and call.arguments:
                whole = custom_input(call.arguments) if kind is CallKind.CUSTOM else call.arguments
                events.append(ArgumentsDelta(call.block, whole, self._index, whole=True, extra=KEPT))
            events.append(BlockEnded(call.block, self._index))
        if self._sound is not None:
            events.append(BlockEnded(self._sound, self._index))
        self._calls, self._sound = Calls(), None
        return events

    def _delta(self, delta: Json, logprobs: Any, left: Json, events: list[Event], lost: list[str]) -> Json:
        content = delta.get("content")
        if len(delta) == 1 and type(content) is str and content and logprobs is None:  # so it is with nearly all
            self._text(Text, WHOLE_TEXT, content, events)
            return {}
        rest = dict(delta)
        self._thoughts(rest, events)
        if content:
            self._content(rest, content, logprobs, left, events)
        refusal = delta.get("refusal")
        if type(refusal) is str and refusal:
            del rest["refusal"]
            self._text(Refusal, MESSAGE, refusal, events)
        elif refusal:
            raise InvalidResponse("a refusal is no text")
        self._whole(delta, events)
        for piece in delta.get("tool_calls") or ():
            left.setdefault("calls", []).append(self._piece(piece, events))
        if left.get("calls"):
            del rest["tool_calls"]
        if isinstance(delta.get("function_call"), dict) and delta["function_call"]:  # of the time before tools
            self._piece({"function": delta["function_call"], "type": "function_call"}, events, kept=True)
        lost += [f"choices[].delta.{name}" for name, said in rest.items() if said and name not in KNOWN | SILENT_IN_ANSWERS]
        return rest

    # Texts

    def _text(self, kind: type[Text | Refusal], called: str, text: str, events: list[Event], **more: Any) -> None:
        if type(self._open) is not kind:
            self._begin(kind("", called=called, place=(*self._place, WHOLE_TEXT if kind is Text else "refusal")), events)
            self._start = self._length
        events.append(TextDelta(self._number, text, self._index, **more))
        if kind is Text:
            self._length += len(text)

    def _thoughts(self, rest: Json, events: list[Event]) -> None:
        for block in thought_blocks(rest, self._place) if any(rest.get(name) for name in (*THOUGHTS, DETAILS)) else ():
            if not isinstance(block, Reasoning):
                continue
            if block.text:
                extra = KEPT if block.called == DETAILS else None
                self._think(block.called, block.text, events, extra)
            if block.signature is not None or block.sealed is not None:
                self._begin(block if not block.text else Reasoning("", signature=block.signature, called=DETAILS), events)
                self._close_open(events)

    def _think(self, called: str, text: str, events: list[Event], extra: Extra | None) -> None:
        if type(self._open) is not Reasoning or self._open.called != called:
            self._begin(Reasoning("", called=called, place=(*self._place, called)), events)
        events.append(ReasoningDelta(self._number, text, self._index, extra=extra))

    def _content(self, rest: Json, content: Any, logprobs: Any, left: Json, events: list[Event]) -> None:
        if type(content) is str:
            del rest["content"]
            tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
            if tokens:
                others = {name: value for name, value in logprobs.items() if name != "content"}
                left["rest"]["logprobs"] = others
                self._text(Text, WHOLE_TEXT, content, events, logprobs=logprobs_of(tokens))
            else:
                self._text(Text, WHOLE_TEXT, content, events)
        elif type(content) is list:
            for number, part in enumerate(content):
                self._part(part_block(part, (*self._place, "content", number), answer=True), events)
        else:
            raise InvalidResponse("a content is no text")

    def _part(self, block: Block, events: list[Event]) -> None:
        """A part of a content: Mistral's and others'."""
        if isinstance(block, Text) and block.text:
            self._text(Text, block.called, block.text, events, extra=KEPT)
        elif isinstance(block, Reasoning) and block.text:
            self._think(block.called, block.text, events, KEPT)
        elif isinstance(block, Refusal) and block.text:
            self._text(Refusal, block.called, block.text, events, extra=KEPT)
        elif isinstance(block, Image | Opaque):
            self._whole_block(block, events)

    # What comes whole

    def _whole(self, delta: Json, events: list[Event]) -> None:
        for annotation in delta.get("annotations") or ():
            if type(self._open) is not Text:
                self._begin(Text("", called=WHOLE_TEXT, place=(*self._place, WHOLE_TEXT)), events)
                self._start = self._length
            citation = citation_of(annotation, self._start, (*self._place, "annotations"))
            events.append(CitationDelta(self._number, citation, self._index, KEPT))
        for number, image in enumerate(delta.get("images") or ()):
            block = image_block(image, (*self._place, "images", number))
            if block is not None:
                self._whole_block(block, events)
        sound = delta.get("audio")
        if isinstance(sound, dict):
            self._heard(sound, events)

    def _whole_block(self, block: Block, events: list[Event]) -> None:
        self._begin(block, events)
        self._close_open(events)

    def _heard(self, sound: Json, events: list[Event]) -> None:
        block = audio_block(sound, (*self._place, "audio"))
        if self._sound is None:
            self._close_open(events)
            self._sound = self._blocks
            begun = audio_block({"id": block.id} if block.id else {}, block.place)
            events.append(BlockStarted(self._blocks, begun, self._index))
            self._blocks += 1
        data = block.source.value if block.source else ""
        if data or block.transcript:
            events.append(MediaDelta(self._sound, data, block.transcript or "", self._index, KEPT))

    # Calls

    def _piece(self, piece: Any, events: list[Event], *, kept: bool = False) -> Json:
        if type(piece) is not dict:
            raise InvalidResponse("a piece of a tool call is no object")
        kind = CallKind.CUSTOM if isinstance(piece.get("custom"), dict) else CallKind.FUNCTION
        inner = piece.get(kind.value) or {}
        call_id, name, given = _string(piece.get("id")), _string(inner.get("name")), inner.get(ARGUMENTS[kind])
        call = self._calls.of(call_id, piece.get("index"), name, given)
        call.kind = kind if name else call.kind
        new = call.more(given or "")
        begins = call.block is None and bool(call.name) and self._sent.may_call(call.name)
        if begins:
            self._begin_call(call, _string(piece.get("type")), events)
            new = call.arguments
        told = call.block is not None and bool(new) and told_in_pieces(self._kind(call))
        anew = told and not kept and new == given
        if told and call.block is not None:
            events.append(ArgumentsDelta(call.block, new, self._index, extra=None if anew else KEPT))
        return _left_of(
            piece, kind, named=begins and bool(name), known=begins and bool(call_id and call.call_id == call_id), told=anew
        )

    def _kind(self, call: Call) -> CallKind:
        ref = self._sent.refs.get(call.name)
        return call.kind if ref is None or call.kind is CallKind.CUSTOM else CallKind(ref.kind)

    def _begin_call(self, call: Call, called: str, events: list[Event]) -> None:
        self._close_open(events)
        call.block = self._blocks
        self._blocks += 1
        ref = self._sent.refs.get(call.name)
        name, namespace = (call.name, None) if ref is None else (ref.name, ref.namespace)
        place = (*self._place, "tool_calls", call.block)
        value = ToolCall(name, "", call.call_id or None, self._kind(call), namespace, called=called, place=place)
        events.append(BlockStarted(call.block, value, self._index))

    # Blocks

    def _begin(self, block: Block, events: list[Event]) -> None:
        self._close_open(events)
        self._open, self._number = block, self._blocks
        self._blocks += 1
        events.append(BlockStarted(self._number, block, self._index))

    def _close_open(self, events: list[Event]) -> None:
        if self._open is not None:
            self._open = None
            events.append(BlockEnded(self._number, self._index))


def _left_of(piece: Json, kind: CallKind, *, named: bool, known: bool, told: bool) -> Json:
    """What is left of a piece, and which of its values events have told."""
    rest = {name: value for name, value in piece.items() if name != kind.value}
    inner = piece.get(kind.value)
    left: Json = {"rest": rest, "kind": kind.value}
    if isinstance(inner, dict):
        taken = {name for name, is_told in (("name", named), (ARGUMENTS[kind], told)) if is_told}
        left["inner"] = {name: value for name, value in inner.items() if name not in taken}
    elif kind.value in piece:
        rest[kind.value] = inner
    if known:
        del rest["id"]
    return left | {name: True for name, is_told in (("named", named), ("known", known), ("told", told)) if is_told}


def _string(value: Any) -> str:
    """Nothing for null. Raises `TypeError` for what is no text."""
    if value is None or isinstance(value, str):
        return value or ""
    raise TypeError("no text")
