"""How is a stream told as events of Messages?

Format: Anthropic's reference of October 2026, "Streaming messages": blocks come one after the other, each with a type that its
deltas keep to. Calls that an upstream tells side by side wait for the one before them. A message tells why it stops, and what it
has used, when that is known, which in other wires may be after the reason. A frame that came in this wire is made as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Stop, Used
from providers.canonical.blocks import Audio, Block, Reasoning, Refusal, Text, ToolCall
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
    MediaDelta,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    TurnStarted,
    UsageTold,
)
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.types import Wire
from providers.wire.anthropic_messages.codec.answers.content import call_json
from providers.wire.anthropic_messages.codec.answers.encode import head_json
from providers.wire.anthropic_messages.codec.answers.stops import told_stop
from providers.wire.anthropic_messages.codec.answers.usage import usage_json, whole_usage
from providers.wire.anthropic_messages.codec.citations import foreign_json
from providers.wire.anthropic_messages.codec.streams.own import own_frames
from providers.wire.anthropic_messages.codec.streams.writer import Writer
from providers.wire.anthropic_messages.codec.words import ANSWERS, WIRE, WORDS
from providers.wire.anthropic_messages.errors import error_json

STOP = "message_stop"


class StreamEncoder:
    """One stream for a client."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._losses = Losses(WIRE, WORDS, ANSWERS)
        self._maker: Wire = WIRE
        self._writer = Writer(self._maker)
        self._begun = self._called = self._refused = self._is_own = False
        self._blocks: dict[int, Block] = {}
        self._summary: bool | None = None
        """Whether the thoughts of this turn are told as a summary; both would say the same twice."""
        self._stop: Stop | None = None
        self._used: Used | None = None
        self._tier: str | None = None

    @property
    def lossy(self) -> tuple[str, ...]:
        return self._losses.names

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The events of Messages that the events of one frame amount to."""
        last = events[-1] if events else None
        if isinstance(last, Beside) and last.extra.wire is WIRE:
            self._is_own = True
            return own_frames(events, last)
        if self._is_own:  # an end that nobody has told
            return ({"type": STOP},) if any(isinstance(event, Ended) for event in events) else ()
        for event in events:
            handler = HANDLERS.get(type(event))
            if handler is not None and getattr(event, "choice", 0) in (0, None):
                handler(self, event)
        return self._writer.given() if self._begun else ()

    def started(self, event: Started) -> None:
        answer = event.answer
        self._losses = Losses(WIRE, answer.words, ANSWERS)
        self._maker = answer.wire
        self._writer.maker = answer.wire
        self._tier = answer.service_tier or self._tier

    def _begin(self) -> None:
        """The message begins with what it says first, so that it tells what the upstream has told of its input."""
        if not self._begun:
            self._begun = True
            told: Json = {"content": [], "stop_reason": None, "stop_sequence": None}
            usage = whole_usage(self._used, self._tier) | {"output_tokens": 0}
            self._writer.event({"type": "message_start", "message": head_json(self._asked) | told | {"usage": usage}})

    # Blocks

    def turn(self, event: TurnStarted) -> None:
        self._summary = None

    def block(self, event: BlockStarted) -> None:
        block = self._blocks[event.block] = event.value
        self._losses.look(block)
        begin = BLOCKS.get(type(block))
        if begin is not None:
            self._begin()
            begin(self, event.block, block)

    def text_block(self, number: int, block: Text | Refusal) -> None:
        if isinstance(block, Refusal):
            self._refused = True
        self._writer.begin(number, {"type": "text", "text": ""})
        self._writer.delta(number, "text", block.text)
        for citation in block.citations if isinstance(block, Text) else ():
            self.citation(CitationDelta(number, citation))

    def sound_block(self, number: int, block: Audio) -> None:
        """What is said in a sound is told as a text."""
        self._writer.begin(number, {"type": "text", "text": ""})
        self._writer.delta(number, "text", block.transcript or "")

    def thought_block(self, number: int, block: Reasoning) -> None:
        self._writer.begin(number, {"type": "thinking", "thinking": "", "signature": ""})
        self._think(number, block.text)
        if block.signature is not None:
            self._writer.sign(number, block.signature)
        if block.sealed is not None:
            self._writer.seal(block.sealed)

    def call_block(self, number: int, block: ToolCall) -> None:
        self._called = True
        self._writer.begin(number, call_json(block, self._asked.mint) | {"input": {}}, at_once=True)
        self._writer.delta(number, "partial_json", block.arguments)

    def ended_block(self, event: BlockEnded) -> None:
        self._writer.end(event.block)

    # What they say

    def text(self, event: TextDelta) -> None:
        self._say(event.block, event.text)

    def media(self, event: MediaDelta) -> None:
        self._say(event.block, event.transcript)

    def _say(self, number: int, text: str) -> None:
        """A text and what is said in a sound may take turns, which blocks of this wire cannot: each turn is a block."""
        if text and not self._writer.is_open(number):
            self._writer.begin(number, {"type": "text", "text": ""})
        self._writer.delta(number, "text", text)

    def reasoning(self, event: ReasoningDelta) -> None:
        self._think(event.block, event.text)

    def _think(self, number: int, text: str) -> None:
        block = self._blocks.get(number)
        summary = isinstance(block, Reasoning) and block.summary
        if text and self._summary in (None, summary):
            self._summary = summary
            self._writer.delta(number, "thinking", text)

    def arguments(self, event: ArgumentsDelta) -> None:
        self._writer.delta(event.block, "partial_json", event.text)

    def signature(self, event: SignatureDelta) -> None:
        if event.sealed:
            self._writer.seal(event.signature)
        elif isinstance(self._blocks.get(event.block), Reasoning):
            self._writer.sign(event.block, event.signature)

    def citation(self, event: CitationDelta) -> None:
        made = foreign_json(event.citation, self._maker)
        if made is None:
            self._losses.field(Text("", place=event.citation.place[:-1]), "citations")
        else:
            self._losses.look(event.citation)
            self._writer.cite(event.block, made)

    # The end

    def used(self, event: UsageTold) -> None:
        self._used = event.used

    def finished(self, event: Finished) -> None:
        self._stop = self._stop or event.stop

    def ended(self, event: Ended) -> None:
        self._begin()
        self._writer.close()
        if event.answer is not None and event.answer.service_tier:
            self._tier = event.answer.service_tier
        stop = told_stop(self._stop, called=self._called, refused=self._refused)
        self._writer.event({"type": "message_delta", "delta": stop, "usage": usage_json(self._used, self._tier)})
        self._writer.event({"type": STOP})

    def failed(self, event: Failed) -> None:
        """An error may stand in a message that has not begun."""
        self._begun = True
        failure = event.failure
        more = failure.extra.fields.get("rest", {}) if failure.extra is not None and failure.extra.wire is WIRE else {}
        self._writer.event(error_json(failure.code, failure.type or "", failure.message, more))

    def beside(self, event: Beside) -> None:
        self._losses.beyond(event.extra)


BLOCKS: Mapping[type, Callable[[StreamEncoder, int, Any], None]] = MappingProxyType(
    {
        Text: StreamEncoder.text_block,
        Refusal: StreamEncoder.text_block,
        Reasoning: StreamEncoder.thought_block,
        ToolCall: StreamEncoder.call_block,
        Audio: StreamEncoder.sound_block,
    }
)
HANDLERS: Mapping[type, Callable[[StreamEncoder, Any], None]] = MappingProxyType(
    {
        Started: StreamEncoder.started,
        TurnStarted: StreamEncoder.turn,
        BlockStarted: StreamEncoder.block,
        BlockEnded: StreamEncoder.ended_block,
        TextDelta: StreamEncoder.text,
        ReasoningDelta: StreamEncoder.reasoning,
        ArgumentsDelta: StreamEncoder.arguments,
        MediaDelta: StreamEncoder.media,
        SignatureDelta: StreamEncoder.signature,
        CitationDelta: StreamEncoder.citation,
        UsageTold: StreamEncoder.used,
        Finished: StreamEncoder.finished,
        Ended: StreamEncoder.ended,
        Failed: StreamEncoder.failed,
        Beside: StreamEncoder.beside,
    }
)
