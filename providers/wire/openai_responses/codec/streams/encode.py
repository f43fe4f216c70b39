"""How is a stream of another wire told as the events of a response?

Formats: OpenAI's OpenAPI document of November 2026, `/responses`; OpenResponses specification of 2026-04-24. One counter numbers
the events; the response at the end is the sum of what they said. Thoughts are told as summary, which every reader knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import StopReason
from providers.canonical.blocks import Audio, Block, Image, Opaque, Reasoning, Refusal, Text, ToolCall
from providers.canonical.codec import Asked
from providers.canonical.events import (
    ArgumentsDelta,
    Beside,
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
    UsageTold,
)
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.canonical.signature import Signature, carried
from providers.errors import InvalidResponse
from providers.wire.openai_responses.codec.answers.usage import usage_json
from providers.wire.openai_responses.codec.citations import annotation_of, logprobs_json
from providers.wire.openai_responses.codec.requests.own import own_body
from providers.wire.openai_responses.codec.streams.own import OwnEvents
from providers.wire.openai_responses.codec.streams.writer import Writer
from providers.wire.openai_responses.codec.words import ANSWERS, WIRE, WORDS
from providers.wire.openai_responses.response_object import new_response

INCOMPLETE: Mapping[StopReason, str] = MappingProxyType(
    {
        StopReason.LENGTH: "max_output_tokens",
        StopReason.CONTEXT: "max_output_tokens",
        StopReason.FILTER: "content_filter",
        StopReason.REFUSAL: "content_filter",
    }
)


class StreamEncoder:
    """One stream for a client. The first `feed` begins it, also without events. `quiet` tells only the response."""

    def __init__(self, asked: Asked, *, quiet: bool = False) -> None:
        self._begun = self._unsaid = False
        self._asked = asked
        self._own = OwnEvents()
        self._losses = Losses(WIRE, WORDS, ANSWERS)
        response = new_response(own_body(asked.request), asked.id, asked.created, asked.model)
        self._writer = Writer(response, asked.mint, quiet=quiet)
        self._blocks: dict[int, Block] = {}
        self._stop: StopReason | None = None
        self._used: Json | None = None
        self._sealed = bool(asked.request.thinking.sealed)

    @property
    def lossy(self) -> tuple[str, ...]:
        return self._losses.names

    @property
    def response(self) -> Json:
        """The response so far."""
        return self._writer.response

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The events of the response that the events of one frame amount to."""
        last = events[-1] if events else None
        if isinstance(last, Beside) and last.extra.wire is WIRE:
            return self._own.frames(events, last)
        if not self._begun:
            self._begun = True
            self._writer.begin()
        for event in events:
            handler = HANDLERS.get(type(event))
            if handler is not None and getattr(event, "choice", 0) in (0, None):
                handler(self, event)
        return self._writer.given()

    def started(self, event: Started) -> None:
        self._losses = Losses(WIRE, event.answer.words, ANSWERS)
        self._tier(event.answer.service_tier)

    def _tier(self, tier: str | None) -> None:
        if tier:
            self._writer.response["service_tier"] = tier

    def block(self, event: BlockStarted) -> None:
        block = self._blocks[event.block] = event.value
        self._losses.look(block)
        begin = BLOCKS.get(type(block))
        if begin is not None:
            begin(self, event.block, block)

    def call_block(self, number: int, block: ToolCall) -> None:
        self._writer.call(number, block)

    def image_block(self, number: int, block: Image) -> None:
        self._writer.image(block)

    def unsaid_block(self, number: int, block: Audio | Opaque) -> None:
        """A block that says something to the user which a response may have no word for."""
        self._unsaid = True
        if isinstance(block, Audio) and block.transcript:
            self._writer.text("output_text", block.transcript, [])

    def text_block(self, number: int, block: Text | Refusal) -> None:
        if block.text:
            kind = "refusal" if isinstance(block, Refusal) else "output_text"
            self._writer.text(kind, block.text, logprobs_json(block.logprobs or ()))
        for citation in block.citations if isinstance(block, Text) else ():
            self._writer.annotation(annotation_of(citation))

    def thought_block(self, number: int, block: Reasoning) -> None:
        if block.text:
            self._writer.thought(block.text)
        for signature in (block.signature, block.sealed):
            self._seal(signature)

    def text(self, event: TextDelta) -> None:
        if event.text:
            kind = "refusal" if isinstance(self._blocks.get(event.block), Refusal) else "output_text"
            self._writer.text(kind, event.text, logprobs_json(event.logprobs) if event.logprobs else [])

    def thought(self, event: ReasoningDelta) -> None:
        if event.text:
            self._writer.thought(event.text)

    def arguments(self, event: ArgumentsDelta) -> None:
        self._writer.arguments(event.block, event.text)

    def citation(self, event: CitationDelta) -> None:
        self._losses.look(event.citation)
        self._writer.annotation(annotation_of(event.citation))

    def signed(self, event: SignatureDelta) -> None:
        self._seal(event.signature)

    def _seal(self, signature: Signature | None) -> None:
        """What only its maker can read is told to a client that asked for thoughts which it can send back."""
        if signature is not None and self._sealed:
            self._writer.seal(carried(signature, WIRE))

    def media(self, event: MediaDelta) -> None:
        if event.transcript:
            self._writer.text("output_text", event.transcript, [])

    def used(self, event: UsageTold) -> None:
        self._used = usage_json(event.used)

    def finished(self, event: Finished) -> None:
        self._stop = event.stop.reason

    def ended(self, event: Ended) -> None:
        """Raises `InvalidResponse` for an answer that holds nothing which a response can tell."""
        if event.answer is not None:
            self._tier(event.answer.service_tier)
        if not self._writer.response["output"] and self._unsaid:
            raise InvalidResponse(f"it holds nothing that a response can tell, but {', '.join(self.lossy)}")
        reason = INCOMPLETE.get(self._stop) if self._stop is not None else None
        self._writer.end(reason, self._used, int(self._asked.clock()))

    def failed(self, event: Failed) -> None:
        failure = event.failure
        more = failure.extra.fields if failure.extra is not None and failure.extra.wire is WIRE else {}
        error = {"code": failure.code or "server_error", "message": failure.message} | more.get("rest", {})
        self._writer.fail(error, self._used)

    def beside(self, event: Beside) -> None:
        self._losses.beyond(event.extra)


BLOCKS: Mapping[type, Callable[[StreamEncoder, int, Any], None]] = MappingProxyType(
    {
        ToolCall: StreamEncoder.call_block,
        Image: StreamEncoder.image_block,
        Audio: StreamEncoder.unsaid_block,
        Opaque: StreamEncoder.unsaid_block,
        Text: StreamEncoder.text_block,
        Refusal: StreamEncoder.text_block,
        Reasoning: StreamEncoder.thought_block,
    }
)
HANDLERS: Mapping[type, Callable[[StreamEncoder, Any], None]] = MappingProxyType(
    {
        Started: StreamEncoder.started,
        BlockStarted: StreamEncoder.block,
        TextDelta: StreamEncoder.text,
        ReasoningDelta: StreamEncoder.thought,
        ArgumentsDelta: StreamEncoder.arguments,
        CitationDelta: StreamEncoder.citation,
        SignatureDelta: StreamEncoder.signed,
        MediaDelta: StreamEncoder.media,
        UsageTold: StreamEncoder.used,
        Finished: StreamEncoder.finished,
        Ended: StreamEncoder.ended,
        Failed: StreamEncoder.failed,
        Beside: StreamEncoder.beside,
    }
)
