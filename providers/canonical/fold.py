"""What whole answer do the events of a stream amount to? And how is a whole answer told as a stream?

What only the own wire of an answer understands (`extra`) is left out on both ways: it is spelled differently in streams.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from providers.canonical import events as told
from providers.canonical.answer import Answer, Choice, Failure, Stop, Used
from providers.canonical.blocks import (
    Audio,
    Block,
    Citation,
    Compaction,
    HostedCall,
    Image,
    Reasoning,
    Refusal,
    Role,
    Source,
    SourceKind,
    Text,
    TokenLogprob,
    ToolCall,
    Turn,
)
from providers.canonical.events import Event
from providers.canonical.signature import Signature

ASSISTANT = Turn(role=Role.ASSISTANT)


class _Growing:
    """A block as far as it was told."""

    def __init__(self, value: Block) -> None:
        self.value = value
        self.text: list[str] = []
        self.transcript: list[str] = []
        self.media: list[str] = []
        self.citations: list[Citation] = []
        self.logprobs: list[TokenLogprob] | None = None
        self.signature: Signature | None = None
        self.sealed: Signature | None = None

    def whole(self) -> Block:
        value, text = replace(self.value, extra=None), "".join(self.text)
        if isinstance(value, Text):
            signature = self.signature or value.signature
            cited = (*value.citations, *self.citations)
            return replace(value, text=value.text + text, citations=cited, logprobs=self._logprobs(value), signature=signature)
        if isinstance(value, Refusal):
            return replace(value, text=value.text + text, logprobs=self._logprobs(value))
        if isinstance(value, Reasoning):
            signature, sealed = self.signature or value.signature, self.sealed or value.sealed
            return replace(value, text=value.text + text, signature=signature, sealed=sealed)
        if isinstance(value, Compaction):
            return replace(value, text=(value.text or "") + text if text else value.text, sealed=self.sealed or value.sealed)
        if isinstance(value, ToolCall):
            return replace(value, arguments=value.arguments + text, signature=self.signature or value.signature)
        if isinstance(value, HostedCall):
            return replace(value, arguments=value.arguments + text)
        if isinstance(value, Audio):
            transcript = (value.transcript or "") + "".join(self.transcript)
            return replace(value, source=self._source(value.source), transcript=transcript or value.transcript)
        return replace(value, source=self._source(value.source) or value.source) if isinstance(value, Image) else value

    def _logprobs(self, value: Text | Refusal) -> tuple[TokenLogprob, ...] | None:
        return value.logprobs if self.logprobs is None else (*(value.logprobs or ()), *self.logprobs)

    def _source(self, source: Source | None) -> Source | None:
        if not self.media:
            return source
        if source is None or source.kind is not SourceKind.BASE64:
            return Source(SourceKind.BASE64, _joined(self.media))
        return replace(source, value=_joined([source.value, *self.media]))


class Fold:
    """Takes events in order; `answer` is what they have told until then."""

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self._turns: dict[int, list[Turn]] = {}
        self._blocks: dict[tuple[int, int], tuple[int, _Growing]] = {}
        self._stops: dict[int, Stop] = {}
        self._used: Used | None = None
        self._failure: Failure | None = None
        self.ended = False

    def feed(self, events: Iterable[Event]) -> None:
        for event in events:
            self._take(event)

    def answer(self) -> Answer | None:
        """None if not even the beginning was told."""
        if self._answer is None:
            return None
        choices = tuple(self._choice(number) for number in sorted({*self._turns, *self._stops}))
        used = self._used or self._answer.used
        return replace(self._answer, choices=choices, used=used, failure=self._failure or self._answer.failure, extra=None)

    def _choice(self, number: int) -> Choice:
        blocks: dict[int, list[Block]] = {}
        for (choice, _), (turn, growing) in sorted(self._blocks.items(), key=lambda item: item[0]):
            if choice == number:
                blocks.setdefault(turn, []).append(growing.whole())
        turns = (
            replace(turn, blocks=tuple(blocks.get(at, ())), extra=None) for at, turn in enumerate(self._turns.get(number, ()))
        )
        return Choice(index=number, turns=tuple(turns), stop=self._stops.get(number))

    def _take(self, event: Event) -> None:
        match event:
            case told.Started(answer):
                self._answer = answer
            case told.Ended(answer, _):
                self.ended = True
                self._answer = answer or self._answer
            case told.UsageTold(used):
                self._used = used
            case told.Finished(stop, choice):
                self._stops[choice] = replace(stop, extra=None)
            case told.Failed(failure):
                self._failure = failure
            case told.TurnStarted() | told.TurnEnded() | told.BlockStarted():
                self._begin(event)
            case _:
                self._grow(event)

    def _begin(self, event: told.TurnStarted | told.TurnEnded | told.BlockStarted) -> None:
        turns = self._turns.setdefault(event.choice, [])
        match event:
            case told.TurnStarted():
                turns.append(event.turn)
            case told.TurnEnded(number, turn) if number < len(turns):
                turns[number] = turn
            case told.BlockStarted(block, value):
                if not turns:
                    turns.append(ASSISTANT)
                self._blocks[event.choice, block] = len(turns) - 1, _Growing(value)

    def _grow(self, event: Event) -> None:
        block = getattr(event, "block", None)
        found = None if block is None else self._blocks.get((getattr(event, "choice", 0) or 0, block))
        if found is None:
            return
        growing = found[1]
        match event:
            case told.TextDelta() | told.ReasoningDelta() | told.ArgumentsDelta():
                growing.text.append(event.text)
                if isinstance(event, told.TextDelta) and event.logprobs is not None:
                    growing.logprobs = [*(growing.logprobs or ()), *event.logprobs]
            case told.SignatureDelta(_, signature, _, sealed):
                if sealed:
                    growing.sealed = signature
                else:
                    growing.signature = signature
            case told.CitationDelta(_, citation):
                growing.citations.append(citation)
            case told.MediaDelta(_, data, transcript):
                growing.media += [data] if data else []
                growing.transcript += [transcript] if transcript else []


def folded(events: Iterable[Event]) -> Answer | None:
    """The answer that all the events of a stream amount to."""
    fold = Fold()
    fold.feed(events)
    return fold.answer()


def events_of(answer: Answer) -> Iterator[Sequence[Event]]:
    """The events of a stream that tells the answer, those of one frame together."""
    head = replace(answer, choices=(), used=None, extra=None)
    yield (told.Started(head),)
    for choice in answer.choices:
        block = 0
        for number, turn in enumerate(choice.turns):
            beginning = replace(turn, blocks=(), extra=None)
            yield (told.TurnStarted(number, replace(beginning, status=_begun(turn.status)), choice.index),)
            for value in turn.blocks:
                yield from _block(block, value, choice.index)
                block += 1
            yield (told.TurnEnded(number, beginning, choice.index),)
    if answer.used is not None:
        yield (told.UsageTold(replace(answer.used, extra=None)),)
    for choice in answer.choices:
        if choice.stop is not None:
            yield (told.Finished(replace(choice.stop, extra=None), choice.index),)
    yield (told.Ended(head),)


def _begun(status: str | None) -> str | None:
    """The status of an item that has just begun."""
    return None if status is None else "in_progress"


def _block(block: int, value: Block, choice: int) -> Iterator[Sequence[Event]]:
    start, deltas = _taken_apart(block, replace(value, extra=None), choice)
    yield (told.BlockStarted(block, start, choice),)
    for delta in deltas:
        yield (delta,)
    yield (told.BlockEnded(block, choice),)


def _taken_apart(block: int, value: Block, choice: int) -> tuple[Block, list[Event]]:
    """How a block begins, and the pieces that make it whole."""
    match value:
        case Text():
            cited: list[Event] = [told.CitationDelta(block, citation, choice) for citation in value.citations]
            signed = _signed(block, value.signature, choice)
            start = replace(value, text="", citations=(), logprobs=None, signature=None)
            return start, [told.TextDelta(block, value.text, choice, value.logprobs), *cited, *signed]
        case Refusal():
            return replace(value, text="", logprobs=None), [told.TextDelta(block, value.text, choice, value.logprobs)]
        case Reasoning():
            said: list[Event] = [told.ReasoningDelta(block, value.text, choice)] if value.text else []
            ends = [*_signed(block, value.signature, choice), *_signed(block, value.sealed, choice, sealed=True)]
            return replace(value, text="", signature=None, sealed=None), [*said, *ends]
        case ToolCall():
            arguments: list[Event] = [told.ArgumentsDelta(block, value.arguments, choice)] if value.arguments else []
            return replace(value, arguments="", signature=None), [*arguments, *_signed(block, value.signature, choice)]
        case HostedCall():
            asked: list[Event] = [told.ArgumentsDelta(block, value.arguments, choice)] if value.arguments else []
            return replace(value, arguments=""), asked
        case _:
            return value, []


def _signed(block: int, signature: Signature | None, choice: int, *, sealed: bool = False) -> list[Event]:
    return [] if signature is None else [told.SignatureDelta(block, signature, choice, sealed)]


def _joined(pieces: Sequence[str]) -> str:
    """Base64 of all the bytes: each piece has padding of its own."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(map(b64decode, pieces))).decode("ascii")
    except (NotBase64, ValueError):
        return "".join(pieces)
