"""How is a stream of another wire told as events of ConverseStream?

Format: `bedrock-runtime` of botocore 1.44.8, `ConverseStreamOutput`. The usage stands behind the stop, which is therefore held
until the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Stop, Used
from providers.canonical.blocks import HostedCall, Reasoning, Refusal, Text, ToolCall
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
from providers.canonical.functions import sent_arguments
from providers.canonical.losses import Losses
from providers.wire.bedrock_converse.codec.answers.encode import NOTHING_USED, call_head, latency_ms
from providers.wire.bedrock_converse.codec.answers.stops import word_of
from providers.wire.bedrock_converse.codec.answers.usage import usage_json
from providers.wire.bedrock_converse.codec.block_json import block_json
from providers.wire.bedrock_converse.codec.streams.own import delta_of, own_frame
from providers.wire.bedrock_converse.codec.words import ANSWERS, WIRE, WORDS

FAILED = "internalServerException"


class StreamEncoder:
    """One stream for a client. The first `feed` begins it, also without events."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._frames: list[Json] = []
        self._open: dict[int, int] = {}
        """Number of a block → its index at the client, of those that have begun and not ended."""
        self._indexes = 0
        self._stop: Stop | None = None
        self._used: Used | None = None
        self._losses = Losses(WIRE, WORDS, ANSWERS)

    @property
    def lossy(self) -> tuple[str, ...]:
        return self._losses.names

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The events that those of one frame amount to."""
        last = events[-1] if events else None
        if isinstance(last, Beside) and last.extra.wire is WIRE:
            return (own_frame(events, last),)
        if isinstance(last, Ended) and not self._begun:  # it came so, and its last event has been told
            return ()
        if not self._begun:
            self._begun = True
            self._frames.append({"messageStart": {"role": "assistant"}})
        for event in events:
            handler = HANDLERS.get(type(event))
            if handler is not None and getattr(event, "choice", 0) in (0, None):
                handler(self, event)
        frames, self._frames = self._frames, []
        return frames

    def started(self, event: Started) -> None:
        self._losses = Losses(WIRE, event.answer.words, ANSWERS)

    def block(self, event: BlockStarted) -> None:
        block = event.value
        self._losses.look(block)
        if isinstance(block, Text | Refusal | Reasoning):
            self._index(event.block)
            self._delta_of_start(event.block, block)
        elif isinstance(block, ToolCall | HostedCall):
            self._call(event.block, block)
        elif (made := block_json(block)) is not None and "image" in made:
            index = self._index(event.block)
            self._frames.append(_frame("contentBlockStart", index, start={"image": {"format": made["image"].get("format")}}))
            self._frames.append(_frame("contentBlockDelta", index, delta={"image": {"source": made["image"]["source"]}}))
        elif made is None:
            self._losses.whole(block)

    def _delta_of_start(self, number: int, block: Text | Refusal | Reasoning) -> None:
        """What stands already in a block that has begun."""
        if block.text:
            delta: Event = ReasoningDelta(number, block.text) if isinstance(block, Reasoning) else TextDelta(number, block.text)
            self.delta(delta)
        if isinstance(block, Text):
            for citation in block.citations:
                self.delta(CitationDelta(number, citation))
        if isinstance(block, Reasoning):
            for signature, sealed in ((block.signature, False), (block.sealed, True)):
                if signature is not None:
                    self.delta(SignatureDelta(number, signature, sealed=sealed))

    def _call(self, number: int, block: ToolCall | HostedCall) -> None:
        if isinstance(block, HostedCall):
            head: Json = {
                "toolUseId": block.call_id or self._asked.mint("tooluse"),
                "name": block.name,
                "type": "server_tool_use",
            }
            text = block.arguments
        else:
            head, text = call_head(block, self._asked), sent_arguments(block) if block.arguments else ""
        self._frames.append(_frame("contentBlockStart", self._index(number), start={"toolUse": head}))
        if text:
            self.delta(ArgumentsDelta(number, text))

    def _index(self, number: int) -> int:
        index = self._open[number] = self._indexes
        self._indexes += 1
        return index

    def delta(self, event: Any) -> None:
        made = delta_of(event)
        if made is not None and event.block in self._open and not (isinstance(event, TextDelta) and not event.text):
            self._frames.append(_frame("contentBlockDelta", self._open[event.block], delta=made))

    def citation(self, event: CitationDelta) -> None:
        self._losses.look(event.citation)
        self.delta(event)

    def block_ended(self, event: BlockEnded) -> None:
        index = self._open.pop(event.block, None)
        if index is not None:
            self._frames.append(_frame("contentBlockStop", index))

    def usage(self, event: UsageTold) -> None:
        self._used = event.used

    def finished(self, event: Finished) -> None:
        self._stop = event.stop

    def ended(self, event: Ended) -> None:
        for number in sorted(self._open):
            self.block_ended(BlockEnded(number))
        word = "end_turn" if self._stop is None else word_of(self._stop, own=False)
        usage = NOTHING_USED if self._used is None else usage_json(self._used)
        metadata: Json = {"usage": usage, "metrics": {"latencyMs": latency_ms(self._asked)}}
        self._frames += ({"messageStop": {"stopReason": word}}, {"metadata": metadata})

    def failed(self, event: Failed) -> None:
        extra = event.failure.extra
        if extra is not None and extra.wire is WIRE and "raw" in extra.fields:
            self._frames.append({extra.fields["name"]: extra.fields["raw"]})
            return
        self._frames.append({FAILED: {"message": event.failure.message}})

    def beside(self, event: Beside) -> None:
        self._losses.beyond(event.extra)


def _frame(name: str, index: int, **said: Any) -> Json:
    return {name: {"contentBlockIndex": index, **said}}


HANDLERS: Mapping[type[Event], Callable[[StreamEncoder, Any], None]] = MappingProxyType(
    {
        Started: StreamEncoder.started,
        BlockStarted: StreamEncoder.block,
        TextDelta: StreamEncoder.delta,
        ReasoningDelta: StreamEncoder.delta,
        SignatureDelta: StreamEncoder.delta,
        ArgumentsDelta: StreamEncoder.delta,
        CitationDelta: StreamEncoder.citation,
        BlockEnded: StreamEncoder.block_ended,
        UsageTold: StreamEncoder.usage,
        Finished: StreamEncoder.finished,
        Ended: StreamEncoder.ended,
        Failed: StreamEncoder.failed,
        Beside: StreamEncoder.beside,
    }
)
