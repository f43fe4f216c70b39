"""How is a stream told in Gemini's format?

Format: google-genai 3.6.1, `GenerateContentResponse`: chunks of whole parts. A call is told when all its arguments are there; the
last chunk says why it stops and what was used. A chunk that came in Gemini's format is made again as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.answer import Stop
from providers.canonical.blocks import Audio, Block, Reasoning, Text, TokenLogprob, ToolCall
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
    UsageTold,
)
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.wire.gemini.codec.answers.parts import answer_parts, sealed_part
from providers.wire.gemini.codec.answers.sources import CITED, citation_json, logprobs_json
from providers.wire.gemini.codec.answers.stops import stop_json
from providers.wire.gemini.codec.answers.usage import usage_json
from providers.wire.gemini.codec.media import audio_type
from providers.wire.gemini.codec.signatures import signed
from providers.wire.gemini.codec.spelling import GIVEN
from providers.wire.gemini.codec.streams.own import own_chunk
from providers.wire.gemini.codec.words import ANSWERS, WIRE, WORDS
from providers.wire.gemini.errors import told_json

NOTHING: Sequence[Json] = ()
Place = tuple[int, int]
"""Choice and block."""


class _Choice:
    """What has been told of a choice, and what waits for its end."""

    def __init__(self) -> None:
        self.parts: list[Json] = []
        """Of the chunk that is being made."""
        self.tokens: list[TokenLogprob] = []
        self.citations: list[Json] = []
        self.stop: Stop | None = None
        self.bytes = 0
        """Of all text."""


class StreamEncoder:
    """One stream for a client."""

    def __init__(self, asked: Asked) -> None:
        self._tail: Json = {"modelVersion": asked.model, "responseId": asked.id}
        self._is_own = False
        self._chunks: list[Json] = []
        self._choices: dict[int, _Choice] = {}
        self._blocks: dict[Place, Block] = {}
        self._texts: dict[Place, tuple[int, list[str]]] = {}
        """Of texts: how many bytes stand before, and the text so far."""
        self._arguments: dict[Place, list[str]] = {}
        """Of calls that have not ended."""
        self._used: Json | None = None
        self._losses = Losses(WIRE, WORDS, ANSWERS)

    @property
    def lossy(self) -> tuple[str, ...]:
        return self._losses.names

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The chunks that the events of one frame amount to."""
        last = events[-1] if events else None
        if isinstance(last, Beside) and last.extra.wire is WIRE:
            self._is_own = True
            return (own_chunk(last.extra.fields[GIVEN], events),)
        if self._is_own and not isinstance(last, Failed):
            return NOTHING  # what the end tells was in the last chunk
        for event in events:
            handler = HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        self._flush()
        chunks, self._chunks = self._chunks, []
        return chunks

    def started(self, event: Started) -> None:
        if event.answer.wire is not WIRE:
            self._losses = Losses(WIRE, event.answer.words, ANSWERS)

    def block(self, event: BlockStarted) -> None:
        place, block = (event.choice, event.block), event.value
        self._blocks[place] = block
        self._losses.look(block)
        choice = self._choice(event.choice)
        if isinstance(block, ToolCall):
            self._arguments[place] = [block.arguments] if block.arguments else []
        elif not isinstance(block, Audio) or (block.source is not None and block.source.value):
            choice.parts += answer_parts(block, self._losses)
        if isinstance(block, Text):
            self._texts[place] = (choice.bytes, [])

    # What is said

    def text(self, event: TextDelta) -> None:
        if not event.text:
            return
        choice = self._choice(event.choice)
        said = self._texts.get((event.choice, event.block))
        if said is not None:
            said[1].append(event.text)
        choice.bytes += len(event.text.encode())
        choice.parts.append({"text": event.text})
        choice.tokens += event.logprobs or ()

    def reasoning(self, event: ReasoningDelta) -> None:
        if event.text:
            self._choice(event.choice).parts.append({"text": event.text, "thought": True})

    def signature(self, event: SignatureDelta) -> None:
        """It stands at an empty part of the block's kind; that of a call comes with the call."""
        place = (event.choice, event.block)
        block = self._blocks.get(place)
        if isinstance(block, ToolCall):
            self._blocks[place] = msgspec.structs.replace(block, signature=event.signature)
        elif event.sealed:
            self._choice(event.choice).parts.append(sealed_part(event.signature))
        else:
            thought = {"thought": True} if isinstance(block, Reasoning) else {}
            self._choice(event.choice).parts.append({"text": "", **thought, "thoughtSignature": signed(event.signature)})

    def citation(self, event: CitationDelta) -> None:
        choice = self._choice(event.choice)
        before, text = self._texts.get((event.choice, event.block), (choice.bytes, []))
        made = citation_json(event.citation, "".join(text), before)
        if made is not None:
            choice.citations.append(made)
        else:
            self._losses.look(event.citation)

    def media(self, event: MediaDelta) -> None:
        block = self._blocks.get((event.choice, event.block))
        if isinstance(block, Audio):
            media = block.source.media_type if block.source is not None else ""
            self._heard(event, media or audio_type(block.format or "wav"))

    def _heard(self, event: MediaDelta, media: str) -> None:
        parts = self._choice(event.choice).parts
        if event.transcript:
            parts.append({"text": event.transcript})
        if event.data:
            parts.append({"inlineData": {"mimeType": media, "data": event.data}})

    # Calls

    def arguments(self, event: ArgumentsDelta) -> None:
        pieces = self._arguments.get((event.choice, event.block))
        if pieces is not None:
            pieces.append(event.text)

    def block_ended(self, event: BlockEnded) -> None:
        self._call((event.choice, event.block))

    def _call(self, place: Place) -> None:
        block, pieces = self._blocks.get(place), self._arguments.pop(place, None)
        if isinstance(block, ToolCall) and pieces is not None:
            made = msgspec.structs.replace(block, arguments="".join(pieces))
            self._choice(place[0]).parts += answer_parts(made, self._losses)

    # The end

    def usage(self, event: UsageTold) -> None:
        self._used = usage_json(event.used)

    def finished(self, event: Finished) -> None:
        """Told with the last chunk: the usage may still come."""
        for place in [place for place in self._arguments if place[0] == event.choice]:
            self._call(place)
        self._losses.look(event.stop)
        self._choice(event.choice).stop = event.stop

    def ended(self, event: Ended) -> None:
        candidates = []
        for index, choice in sorted((self._choices or {0: _Choice()}).items()):
            made = self._candidate(index, choice) if choice.parts else _content(index, [{"text": ""}])
            cited = {CITED: {"citations": choice.citations}} if choice.citations else {}
            candidates.append(made | cited | stop_json(choice.stop))
        usage = {} if self._used is None else {"usageMetadata": self._used}
        self._chunks.append({"candidates": candidates, **usage, **self._tail})

    def failed(self, event: Failed) -> None:
        """Only in the words in which it came."""
        if (said := told_json(event.failure)) is not None:
            self._chunks.append(said)

    def beside(self, event: Beside) -> None:
        self._losses.beyond(event.extra)

    # Chunks

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _flush(self) -> None:
        """One chunk of all that one frame has told."""
        candidates = [self._candidate(index, choice) for index, choice in self._choices.items() if choice.parts]
        if candidates:
            self._chunks.insert(0, {"candidates": candidates, **self._tail})

    def _candidate(self, index: int, choice: _Choice) -> Json:
        made = _content(index, choice.parts)
        if choice.tokens:
            made |= logprobs_json(choice.tokens)
        choice.parts, choice.tokens = [], []
        return made


def _content(index: int, parts: list[Json]) -> Json:
    return {"content": {"parts": parts, "role": "model"}, "index": index}


HANDLERS: Mapping[type[Event], Callable[[StreamEncoder, Any], None]] = MappingProxyType(
    {
        Started: StreamEncoder.started,
        BlockStarted: StreamEncoder.block,
        TextDelta: StreamEncoder.text,
        ReasoningDelta: StreamEncoder.reasoning,
        SignatureDelta: StreamEncoder.signature,
        CitationDelta: StreamEncoder.citation,
        MediaDelta: StreamEncoder.media,
        ArgumentsDelta: StreamEncoder.arguments,
        BlockEnded: StreamEncoder.block_ended,
        UsageTold: StreamEncoder.usage,
        Finished: StreamEncoder.finished,
        Ended: StreamEncoder.ended,
        Failed: StreamEncoder.failed,
        Beside: StreamEncoder.beside,
    }
)
