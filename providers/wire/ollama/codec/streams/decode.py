"""What does a stream of Ollama's chat tell, line by line?

Format: Ollama of August 2026, `api/types.go`, `ChatResponse`, `server/routes.go`, `streamResponse`: pieces of a message, calls
each whole in a line, and a last line with `"done": true`. What of a line no event tells is left in its last event, `Beside`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from providers.canonical.answer import Answer
from providers.canonical.blocks import Block, Image, Reasoning, Text, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    Beside,
    BlockEnded,
    BlockStarted,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageTold,
)
from providers.canonical.extra import Extra, Json
from providers.canonical.leftovers import taken
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.ollama.codec.answers.decode import MISFITS, OWN, turn_of
from providers.wire.ollama.codec.answers.stops import stop_of
from providers.wire.ollama.codec.answers.usage import used_in
from providers.wire.ollama.codec.leftovers import left, rest_of
from providers.wire.ollama.codec.logprobs import logprobs_of
from providers.wire.ollama.codec.messages import SILENT
from providers.wire.ollama.codec.words import WIRE, WORDS
from providers.wire.ollama.errors import failure_in
from providers.wire.ollama.times import seconds_of


class StreamDecoder:
    """One stream. `sent` says what the calls of it mean."""

    def __init__(self, sent: SentTools = NOTHING_SENT) -> None:
        self._sent = sent
        self._begun = self._called = False
        self._blocks = 0
        self._open: type[Block] | None = None
        """The kind of what is being told."""

    def feed(self, frame: Json, name: str = "") -> Sequence[Event]:
        """What a line tells. Raises `InvalidResponse` for one that cannot be read."""
        if not isinstance(frame, dict):
            raise InvalidResponse("a line is no object")
        failure = failure_in(frame)
        if failure is not None:
            return (Failed(failure),)
        try:
            return self._events(frame)
        except MISFITS as error:
            raise InvalidResponse("a line cannot be read") from error

    def end(self) -> Sequence[Event]:
        """Nothing but what is closed: the end is a line of its own."""
        events: list[Event] = []
        self._close(events)
        return events

    def _events(self, line: Json) -> Sequence[Event]:
        events: list[Event] = []
        rest = dict(line)
        if not self._begun:
            self._begun = True
            model = line.get("model")
            created = seconds_of(line.get("created_at"))
            events.append(Started(Answer(wire=WIRE, words=WORDS, model=model if type(model) is str else None, created=created)))
        kept: Json = {}
        lost: tuple[str, ...] = ()
        message = taken(rest, "message", dict)
        if message is not None:
            lost = self._message(message, rest, kept, events)
        if rest.get("done") is True:
            self._last(rest, kept, events)
        events.append(Beside(Extra(WIRE, {"rest": rest, **kept}, (*lost, *left(rest, silent=(*OWN, "logprobs"))))))
        return events

    def _message(self, message: Json, line: Json, kept: Json, events: list[Event]) -> tuple[str, ...]:
        """Adds the events of a message; what is left of it goes to `kept`. Gives the names of what is lost."""
        turn = turn_of(message, self._sent)
        for block in turn.blocks:
            self._block(block, line, events)
        rest = rest_of(turn.extra)
        kept["message"] = ({"role": turn.called} if turn.called else {}) | rest
        return left(rest, of="message.", silent=SILENT)

    def _block(self, block: Block, line: Json, events: list[Event]) -> None:
        if isinstance(block, Text):
            tokens = logprobs_of(line.pop("logprobs")) if line.get("logprobs") else None
            self._begin(msgspec.structs.replace(block, text=""), events)
            events.append(TextDelta(self._blocks - 1, block.text, logprobs=tokens))
        elif isinstance(block, Reasoning):
            self._begin(msgspec.structs.replace(block, text=""), events)
            events.append(ReasoningDelta(self._blocks - 1, block.text))
        elif isinstance(block, ToolCall):
            self._called = True
            self._begin(msgspec.structs.replace(block, arguments=""), events, whole=True)
            if block.arguments:
                events.append(ArgumentsDelta(self._blocks - 1, block.arguments))
            self._close(events)
        elif isinstance(block, Image):
            self._begin(block, events, whole=True)
            self._close(events)

    def _last(self, line: Json, kept: Json, events: list[Event]) -> None:
        self._close(events)
        used = used_in(line)
        if used is not None:
            events.append(UsageTold(used))
        reason = taken(line, "done_reason", str)
        kept["reason"] = reason is not None
        events += (Finished(stop_of(reason or "", called=self._called)), Ended())

    def _begin(self, block: Block, events: list[Event], *, whole: bool = False) -> None:
        """Begins a block, unless it goes on with the one before it."""
        if type(block) is self._open and not whole:
            return
        self._close(events)
        self._open = type(block)
        events.append(BlockStarted(self._blocks, block))
        self._blocks += 1

    def _close(self, events: list[Event]) -> None:
        if self._open is not None:
            self._open = None
            events.append(BlockEnded(self._blocks - 1))
