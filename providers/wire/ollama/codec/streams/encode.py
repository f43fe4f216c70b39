"""How is a stream told in Ollama's chat?

Format: Ollama of August 2026, `api/types.go`, `ChatResponse`, `server/routes.go`, `streamResponse`: each line has the model and
the time; a call is told when it is whole; the last line has no content, the reason to stop, the counts and the durations, which
are those of the gateway. A line that came as Ollama's is made again as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.pieced_text import PiecedText
from providers.canonical.answer import Stop, Used
from providers.canonical.blocks import Image, Reasoning, ToolCall
from providers.canonical.codec import Asked
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
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.wire.ollama.codec.answers.encode import PAUSE, call_json, ending
from providers.wire.ollama.codec.answers.stops import EXACT, reason_of
from providers.wire.ollama.codec.images import base64_of
from providers.wire.ollama.codec.leftovers import spelled
from providers.wire.ollama.codec.logprobs import logprobs_json
from providers.wire.ollama.codec.streams.own import own_line
from providers.wire.ollama.codec.words import ANSWERS, WIRE, WORDS
from providers.wire.ollama.times import stamp


class StreamEncoder:
    """One stream for a client."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = asked.clock()
        self._first: float | None = None
        """When the first token came."""
        self._lines: list[Json] = []
        self._calls: dict[int, tuple[ToolCall, PiecedText]] = {}
        self._called = 0
        self._thought = self._fresh = False
        """Whether anything has been thought, and whether what is thought now is another piece."""
        self._stop: Stop | None = None
        self._used: Used | None = None
        self._losses = Losses(WIRE, WORDS, ANSWERS)

    @property
    def lossy(self) -> tuple[str, ...]:
        return self._losses.names

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The lines that the events of one frame amount to."""
        last = events[-1] if events else None
        if isinstance(last, Beside) and last.extra.wire is WIRE:
            return (own_line(events, last),)
        for event in events:
            handler = HANDLERS.get(type(event))
            if handler is not None and not getattr(event, "choice", 0):  # Ollama has one answer
                handler(self, event)
        lines, self._lines = self._lines, []
        return lines

    def started(self, event: Started) -> None:
        if event.answer.wire is not WIRE:
            self._losses = Losses(WIRE, event.answer.words, ANSWERS)

    def block(self, event: BlockStarted) -> None:
        block = event.value
        self._losses.look(block)
        if isinstance(block, ToolCall):
            self._calls[event.block] = block, PiecedText(block.arguments)
        elif isinstance(block, Image):
            data = base64_of(block.source)
            if data is None:
                self._losses.whole(block)
            else:
                self._line({"content": "", "images": [data]})
        elif isinstance(block, Reasoning):
            self._fresh = True
            self._think(block.text)

    def text(self, event: TextDelta) -> None:
        if event.text:
            more = {"logprobs": logprobs_json(event.logprobs)} if event.logprobs else {}
            self._line({"content": event.text}, more)

    def reasoning(self, event: ReasoningDelta) -> None:
        self._think(event.text)

    def _think(self, text: str) -> None:
        if text:
            pause = PAUSE if self._thought and self._fresh else ""
            self._thought, self._fresh = True, False
            self._line({"content": "", "thinking": pause + text})

    def signature(self, event: SignatureDelta) -> None:
        """There is no field for it."""
        self._losses.look(
            Reasoning("", signature=None if event.sealed else event.signature, sealed=event.signature if event.sealed else None)
        )

    def citation(self, event: CitationDelta) -> None:
        self._losses.look(event.citation)

    def arguments(self, event: ArgumentsDelta) -> None:
        if event.block in self._calls:
            self._calls[event.block][1].add(event.text)

    def block_ended(self, event: BlockEnded) -> None:
        if event.block in self._calls:
            self._call(*self._calls.pop(event.block))

    def _call(self, block: ToolCall, arguments: PiecedText) -> None:
        made = call_json(msgspec.structs.replace(block, arguments=str(arguments)), self._called, self._losses)
        self._called += 1
        self._line({"content": "", "tool_calls": [made]})

    def usage(self, event: UsageTold) -> None:
        self._used = event.used

    def finished(self, event: Finished) -> None:
        self._stop = event.stop
        if event.stop.reason not in EXACT:
            self._losses.field(event.stop, "reason")

    def ended(self, event: Ended) -> None:
        for call in self._calls.values():  # whose ends nobody has told
            self._call(*call)
        self._calls.clear()
        now = self._asked.clock()
        prompt = (self._first if self._first is not None else now) - self._begun
        self._said({"content": ""}, ending(reason_of(self._stop), self._used, now - self._begun, prompt))

    def failed(self, event: Failed) -> None:
        self._lines.append(spelled(event.failure.extra, "object") or {"error": event.failure.message})

    def beside(self, event: Beside) -> None:
        self._losses.beyond(event.extra)

    def _line(self, message: Json, more: Json | None = None) -> None:
        if self._first is None:
            self._first = self._asked.clock()
        self._said(message, {**(more or {}), "done": False})

    def _said(self, message: Json, more: Json) -> None:
        head = {"model": self._asked.model, "created_at": stamp(self._asked.clock())}
        self._lines.append({**head, "message": {"role": "assistant", **message}, **more})


HANDLERS: Mapping[type[Event], Callable[[StreamEncoder, Any], None]] = MappingProxyType(
    {
        Started: StreamEncoder.started,
        BlockStarted: StreamEncoder.block,
        TextDelta: StreamEncoder.text,
        ReasoningDelta: StreamEncoder.reasoning,
        SignatureDelta: StreamEncoder.signature,
        CitationDelta: StreamEncoder.citation,
        ArgumentsDelta: StreamEncoder.arguments,
        BlockEnded: StreamEncoder.block_ended,
        UsageTold: StreamEncoder.usage,
        Finished: StreamEncoder.finished,
        Ended: StreamEncoder.ended,
        Failed: StreamEncoder.failed,
        Beside: StreamEncoder.beside,
    }
)
