"""How is a stream told in chat?

Format: OpenAI's OpenAPI document of November 2026, `chat.completion.chunk`, with `reasoning_content` and `images` as most vendors
have them. The usage is always told, in a chunk of its own; who has not asked for it is not sent that. A chunk that came as chat
is made again as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import StopReason
from providers.canonical.blocks import Block, Image, Reasoning, Text, ToolCall
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
    TurnEnded,
    TurnStarted,
    UsageTold,
)
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.canonical.tools import CallKind
from providers.wire.openai_chat.codec.answers.annotations import logprobs_json, web_annotation
from providers.wire.openai_chat.codec.answers.stops import reason_of
from providers.wire.openai_chat.codec.answers.sums import CUT, PAUSE, call_json, picture_of
from providers.wire.openai_chat.codec.answers.usage import usage_json
from providers.wire.openai_chat.codec.calls import ARGUMENTS
from providers.wire.openai_chat.codec.leftovers import spelled
from providers.wire.openai_chat.codec.messages import details_of
from providers.wire.openai_chat.codec.streams.decode import CHUNK
from providers.wire.openai_chat.codec.streams.own import OwnChunks
from providers.wire.openai_chat.codec.words import ANSWERS, WIRE, WORDS

NOTHING: Sequence[Json] = ()
Place = tuple[int, int]
"""Choice and block."""


class _Call:
    """A call that is being told."""

    def __init__(self, number: int, kind: CallKind, *, empty: bool) -> None:
        self.number = number
        self.kind = kind
        self.empty = empty
        """Whether it has no arguments yet."""


class _Choice:
    """What has been told of a choice."""

    def __init__(self) -> None:
        self.begun = self.thought = False
        self.summary: bool | None = None
        """Whether the thoughts of this turn are told as a summary; both would say the same twice."""
        self.calls = self.length = 0
        self.annotations: list[Json] = []
        self.without: list[_Call] = []
        """Calls of functions that have ended without arguments."""


class StreamEncoder:
    """One stream for a client."""

    def __init__(self, asked: Asked) -> None:
        self._head: Json = {"id": asked.id, "object": CHUNK, "created": asked.created, "model": asked.model}
        self._own = OwnChunks()
        self._chunks: list[Json] = []
        self._choices: dict[int, _Choice] = {}
        self._blocks: dict[Place, Block] = {}
        self._starts: dict[Place, int] = {}
        """Where the text of a block begins in all text."""
        self._fresh: set[Place] = set()
        """Thoughts of which nothing has been told."""
        self._calls: dict[Place, _Call] = {}
        self._used: Json | None = None
        self._losses = Losses(WIRE, WORDS, ANSWERS)

    @property
    def lossy(self) -> tuple[str, ...]:
        return self._losses.names

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The chunks that the events of one frame amount to."""
        last = events[-1] if events else None
        if isinstance(last, Beside) and last.extra.wire is WIRE:
            return (self._own.chunk(events, last),)
        for event in events:
            handler = HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        chunks, self._chunks = self._chunks, []
        return chunks

    # What is said

    def started(self, event: Started) -> None:
        if event.answer.wire is not WIRE:
            self._losses = Losses(WIRE, event.answer.words, ANSWERS)

    def turn(self, event: TurnStarted) -> None:
        self._choice(event.choice).summary = None

    def block(self, event: BlockStarted) -> None:
        place, block = (event.choice, event.block), event.value
        self._blocks[place] = block
        self._losses.look(block)
        if isinstance(block, ToolCall):
            self._call(place, block)
        elif isinstance(block, Image) and block.source.url():
            self._delta(event.choice, {"images": [picture_of(block)]})
        elif isinstance(block, Reasoning):
            self._fresh.add(place)
            self._details(event.choice, block)
            if block.text:
                self._think(place, block.text)
        elif isinstance(block, Text):
            self._starts[place] = self._choice(event.choice).length

    def text(self, event: TextDelta) -> None:
        if not event.text:
            return
        choice, place = self._choice(event.choice), (event.choice, event.block)
        if not isinstance(self._blocks.get(place), Text):
            self._delta(event.choice, {"refusal": event.text})
            return
        choice.length += len(event.text)
        self._delta(event.choice, {"content": event.text}, logprobs=logprobs_json(event.logprobs) if event.logprobs else None)

    def reasoning(self, event: ReasoningDelta) -> None:
        if event.text:
            self._think((event.choice, event.block), event.text)

    def _think(self, place: Place, text: str) -> None:
        choice, block = self._choice(place[0]), self._blocks.get(place)
        summary = isinstance(block, Reasoning) and block.summary
        if choice.summary not in (None, summary):
            return
        pause = PAUSE if choice.thought and place in self._fresh else ""
        choice.summary, choice.thought = summary, True
        self._fresh.discard(place)
        self._delta(place[0], {"reasoning_content": pause + text})

    def signature(self, event: SignatureDelta) -> None:
        sealed = event.signature if event.sealed else None
        self._details(event.choice, Reasoning("", signature=None if event.sealed else event.signature, sealed=sealed))

    def _details(self, choice: int, block: Reasoning) -> None:
        if details := details_of(block):
            self._delta(choice, {"reasoning_details": details})

    def citation(self, event: CitationDelta) -> None:
        """Where a citation stands counts from the beginning of all text; they are told together, at the end."""
        choice = self._choice(event.choice)
        made = web_annotation(event.citation, self._starts.get((event.choice, event.block), choice.length))
        if made is not None:
            choice.annotations.append(made)
        else:
            self._losses.look(event.citation)

    # Calls

    def _call(self, place: Place, block: ToolCall) -> None:
        choice = self._choice(place[0])
        made = call_json(block, choice.calls, cut=True)
        kind = CallKind.CUSTOM if block.kind is CallKind.CUSTOM else CallKind.FUNCTION
        self._calls[place] = _Call(choice.calls, kind, empty=not block.arguments)
        self._delta(place[0], {"tool_calls": [{"index": choice.calls, **made}]})
        choice.calls += 1

    def arguments(self, event: ArgumentsDelta) -> None:
        call = self._calls.get((event.choice, event.block))
        if call is not None and event.text:
            call.empty = False
            self._piece(event.choice, call, event.text)

    def _piece(self, choice: int, call: _Call, text: str) -> None:
        self._delta(choice, {"tool_calls": [{"index": call.number, call.kind.value: {ARGUMENTS[call.kind]: text}}]})

    def block_ended(self, event: BlockEnded) -> None:
        call = self._calls.get((event.choice, event.block))
        if call is not None and call.empty and call.kind is CallKind.FUNCTION:
            self._choice(event.choice).without.append(call)

    def turn_ended(self, event: TurnEnded) -> None:
        self._fill(event.choice, cut=event.turn.status == CUT)

    def _fill(self, choice: int, *, cut: bool) -> None:
        """A function without arguments has an empty object of them, unless it was cut off."""
        calls, self._choice(choice).without = self._choice(choice).without, []
        for call in calls if not cut else ():
            self._piece(choice, call, "{}")

    # The end

    def usage(self, event: UsageTold) -> None:
        self._used = usage_json(event.used)

    def finished(self, event: Finished) -> None:
        choice = self._choice(event.choice)
        self._fill(event.choice, cut=event.stop.reason in (StopReason.LENGTH, StopReason.CONTEXT, StopReason.FILTER))
        reason = reason_of(event.stop, own=False, called=choice.calls > 0)
        annotations = {"annotations": choice.annotations} if choice.annotations else {}
        self._delta(event.choice, annotations, finish=reason)

    def ended(self, event: Ended) -> None:
        if self._used is not None:
            self._chunks.append({**self._head, "choices": [], "usage": self._used})

    def failed(self, event: Failed) -> None:
        """Chat has no words of its own for that, but those that came."""
        if (said := spelled(event.failure.extra, "object") or spelled(event.failure.extra, "error")) is not None:
            self._chunks.append(said)

    def beside(self, event: Beside) -> None:
        self._losses.beyond(event.extra)

    # Chunks

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _delta(self, index: int, delta: Json, *, logprobs: list[Json] | None = None, finish: str | None = None) -> None:
        choice = self._choice(index)
        if not choice.begun:
            choice.begun = True
            self._delta(index, {"role": "assistant", "content": ""})
        told = {"content": logprobs, "refusal": None} if logprobs else None
        made = {"index": index, "delta": delta, "logprobs": told, "finish_reason": finish}
        self._chunks.append({**self._head, "choices": [made], "usage": None})


HANDLERS: Mapping[type[Event], Callable[[StreamEncoder, Any], None]] = MappingProxyType(
    {
        Started: StreamEncoder.started,
        TurnStarted: StreamEncoder.turn,
        TurnEnded: StreamEncoder.turn_ended,
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
