"""What does a stream of Messages events tell, event by event?

Format: Anthropic's reference of October 2026, "Streaming messages". What no canonical event tells of a frame is in its last one,
`Beside`, so that the frame can be made again. The usage of a stream is cumulative; what an event does not tell counts as before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.pieced_text import PiecedText
from providers.canonical.answer import Answer
from providers.canonical.blocks import Block, HostedCall, Reasoning, Text, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    Beside,
    BlockEnded,
    BlockStarted,
    CitationDelta,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageTold,
)
from providers.canonical.extra import Extra, Json
from providers.canonical.functions import as_sent, custom_input, told_in_pieces
from providers.canonical.signature import signature_in
from providers.canonical.tools import NOTHING_SENT, CallKind, SentTools
from providers.errors import InvalidResponse
from providers.wire.anthropic_messages.codec.answers.decode import MISFITS, head_of, said_in
from providers.wire.anthropic_messages.codec.answers.stops import stop_in
from providers.wire.anthropic_messages.codec.answers.usage import tier_in, used_in
from providers.wire.anthropic_messages.codec.blocks import block_of
from providers.wire.anthropic_messages.codec.citations import citation_of
from providers.wire.anthropic_messages.codec.words import WIRE, WORDS
from providers.wire.anthropic_messages.errors import ERROR, failure_in

TEXTS: Mapping[Any, tuple[str, type[TextDelta | ReasoningDelta | ArgumentsDelta], Block]] = MappingProxyType(
    {
        "text_delta": ("text", TextDelta, Text("", called="text")),
        "thinking_delta": ("thinking", ReasoningDelta, Reasoning("", called="thinking")),
        "input_json_delta": ("partial_json", ArgumentsDelta, Text("", called="text")),
    }
)
"""Type of a delta → the field with its text, what tells it, and the block that it begins where nobody has said one."""
NOTHING: Extra = Extra(WIRE, {})


class _Open:
    """A block that is being told. `number` is None of a call that may not be made; `arguments` wait until they can be read."""

    def __init__(self, number: int | None, block: Block) -> None:
        self.number = number
        self.kept = isinstance(block, ToolCall) and not told_in_pieces(block.kind)
        self.custom = isinstance(block, ToolCall) and block.kind is CallKind.CUSTOM
        self.calls = isinstance(block, ToolCall | HostedCall)
        self.arguments = PiecedText()


class StreamDecoder:
    """One stream. `sent` says what the calls of it mean."""

    def __init__(self, sent: SentTools = NOTHING_SENT) -> None:
        self._sent = sent
        self._blocks = 0
        self._open: dict[Any, _Open] = {}
        self._usage: Json = {}
        self._finished = self._ended = False

    def feed(self, frame: Any, name: str = "") -> Sequence[Event]:
        """What an event tells. Raises `InvalidResponse` for one that cannot be read."""
        if not isinstance(frame, dict) or name == ERROR or frame.get("type") == ERROR:
            return self._failed(frame, name)
        events: list[Event] = []
        kind = frame.get("type")
        try:
            if kind == "content_block_delta":
                return self._delta(frame)
            handler = HANDLERS.get(kind) if isinstance(kind, str) and not self._ended else None
            lost = handler(self, frame, events) if handler is not None else ()
        except MISFITS as error:
            raise InvalidResponse("an event cannot be read") from error
        events.append(Beside(Extra(WIRE, {"frame": frame}, lost)))
        return events

    def end(self) -> Sequence[Event]:
        """That it is the end, if the stream has said why it stops: a few upstreams leave out the last event."""
        if self._ended or not self._finished:
            return ()
        self._ended = True
        return (Ended(),)

    def _failed(self, frame: Any, name: str) -> Sequence[Event]:
        failure = failure_in(frame if isinstance(frame, dict) and ERROR in frame else {ERROR: frame}, WIRE)
        if failure is None or (name != ERROR and not isinstance(frame, dict)):
            raise InvalidResponse("an event is no object")
        self._ended = True
        return (Failed(failure), Beside(Extra(WIRE, {"frame": frame})))

    # Begin and end of the message

    def started(self, frame: Json, events: list[Event]) -> tuple[str, ...]:
        message = frame["message"]
        usage = message.get("usage")
        answer = Answer(wire=WIRE, words=WORDS, **head_of(dict(message)), service_tier=tier_in(usage))
        events.append(Started(answer))
        self._used(usage, events)
        return said_in(message)

    def _used(self, usage: Any, events: list[Event]) -> None:
        if isinstance(usage, dict):
            self._usage = self._usage | {name: value for name, value in usage.items() if value is not None}
            if (used := used_in(self._usage, ("usage",))) is not None:
                events.append(UsageTold(used))

    def finishing(self, frame: Json, events: list[Event]) -> tuple[str, ...]:
        delta = dict(frame.get("delta") or {})
        self._used(frame.get("usage"), events)
        stop = stop_in(delta, ("delta",))
        if stop is not None and not self._finished:
            self._finished = True
            for place in [*self._open]:
                self._close(place, events)
            events.append(Finished(stop))
        return (*said_in(frame), *said_in(delta))

    def ended(self, frame: Json, events: list[Event]) -> tuple[str, ...]:
        if self._finished:
            self._ended = True
            events.append(Ended())
        return ()

    # Blocks

    def begun(self, frame: Json, events: list[Event]) -> tuple[str, ...]:
        given = frame["content_block"]
        text, name = "", given.get("type")
        if name in ("text", "thinking"):
            text = given.get(name) or ""
            given = given | {name: ""}
        elif name in ("tool_use", "server_tool_use", "mcp_tool_use"):
            whole = given.get("input")
            text = msgspec.json.encode(whole).decode() if whole else ""
            given = {key: said for key, said in given.items() if key != "input"}
        self._begin(frame.get("index"), block_of(given, ("content", self._blocks), answer=True), events)
        if text:
            self._tell(self._open[frame.get("index")], "thinking_delta" if name == "thinking" else "text_delta", text, events)
        return ()

    def _begin(self, index: Any, block: Block, events: list[Event]) -> None:
        made = as_sent(block, self._sent) if isinstance(block, ToolCall) else block
        if made is None:
            self._open[index] = _Open(None, block)
            return
        self._open[index] = _Open(self._blocks, made)
        events.append(BlockStarted(self._blocks, made))
        self._blocks += 1

    def stopped(self, frame: Json, events: list[Event]) -> tuple[str, ...]:
        if frame.get("index") in self._open:
            self._close(frame.get("index"), events)
        return ()

    def _close(self, index: Any, events: list[Event]) -> None:
        block = self._open.pop(index)
        if block.number is None:
            return
        if block.kept and (arguments := str(block.arguments)):
            events.append(ArgumentsDelta(block.number, custom_input(arguments) if block.custom else arguments, whole=True))
        events.append(BlockEnded(block.number))

    # Deltas

    def _delta(self, frame: Json) -> Sequence[Event]:
        delta, index = frame["delta"], frame.get("index")
        kind = delta.get("type")
        block = self._open.get(index)
        if kind in TEXTS and not self._ended:
            name, told, _ = TEXTS[kind]
            text = delta.get(name)
            if block is not None and block.number is not None and not block.kept and type(text) is str and text:  # as nearly all
                return told(block.number, text), Beside(Extra(WIRE, {"frame": frame, "text": name}))
        events: list[Event] = []
        lost = () if self._ended else self._odd_delta(delta, kind, index, events)
        events.append(Beside(Extra(WIRE, {"frame": frame}, lost)))
        return events

    def _odd_delta(self, delta: Json, kind: Any, index: Any, events: list[Event]) -> tuple[str, ...]:
        block = self._open.get(index)
        if kind in TEXTS:
            name, _, empty = TEXTS[kind]
            text = delta.get(name) or ""
            if type(text) is not str:
                raise InvalidResponse(f"the {name} is no text")
            if block is None and text and kind != "input_json_delta":
                self._begin(index, empty, events)
                block = self._open[index]
            if block is not None and text:
                self._tell(block, kind, text, events)
        elif kind == "signature_delta" and block is not None and block.number is not None and delta.get("signature"):
            signature = signature_in(delta["signature"], WIRE)
            if signature.value:
                events.append(SignatureDelta(block.number, signature))
        elif kind == "citations_delta" and block is not None and block.number is not None:
            events.append(CitationDelta(block.number, citation_of(delta["citation"], ("delta", "citation"))))
        elif kind == "compaction_delta":
            return ("compaction_delta",)
        return ()

    def _tell(self, block: _Open, kind: str, text: str, events: list[Event]) -> None:
        if block.number is None:
            return
        if block.kept:
            block.arguments.add(text)
        elif block.calls:
            events.append(ArgumentsDelta(block.number, text, extra=NOTHING))
        else:
            events.append(TEXTS[kind][1](block.number, text, extra=NOTHING))


HANDLERS: Mapping[str, Callable[[StreamDecoder, Json, list[Event]], tuple[str, ...]]] = MappingProxyType(
    {
        "message_start": StreamDecoder.started,
        "content_block_start": StreamDecoder.begun,
        "content_block_stop": StreamDecoder.stopped,
        "message_delta": StreamDecoder.finishing,
        "message_stop": StreamDecoder.ended,
    }
)
