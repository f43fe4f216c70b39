"""What does a stream of Responses events tell, event by event?

Formats: OpenAI's OpenAPI document of November 2026, `/responses`, and the OpenResponses specification of 2026-04-24, whose names
for raw reasoning differ. What an upstream says only in a `.done` event or in the whole item counts as much as what it says in
pieces. What no canonical event tells of a frame is in its last one, `Beside`, so that the frame can be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.answer import Answer
from providers.canonical.blocks import Block, Image, Opaque, Reasoning, Refusal, Role, Text, ToolCall, Turn
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
    Started,
    TextDelta,
    TurnEnded,
    TurnStarted,
    UsageTold,
)
from providers.canonical.extra import Extra, Json
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.openai.told_failure import failure_told
from providers.wire.openai_responses.codec.answers.decode import MISFITS, NOT_COMPLETED, head_of, stop_of
from providers.wire.openai_responses.codec.answers.usage import used_in
from providers.wire.openai_responses.codec.citations import citation_of, logprobs_of
from providers.wire.openai_responses.codec.items import turn_of
from providers.wire.openai_responses.codec.streams.leftovers import left_of
from providers.wire.openai_responses.codec.streams.sums import Sums
from providers.wire.openai_responses.codec.words import WIRE, WORDS

SAID: Mapping[Any, tuple[str, str, str]] = MappingProxyType(
    {
        f"response.{event}.{end}": (voice, place, "delta" if end == "delta" else whole)
        for event, voice, place, whole in (
            ("output_text", "output_text", "content_index", "text"),
            ("refusal", "refusal", "content_index", "refusal"),
            ("reasoning_summary_text", "summary_text", "summary_index", "text"),
            ("reasoning_text", "reasoning_text", "content_index", "text"),
            ("reasoning", "reasoning_text", "content_index", "text"),
            ("function_call_arguments", "arguments", "", "arguments"),
            ("custom_tool_call_input", "input", "", "input"),
        )
        for end in ("delta", "done")
    }
)
"""Event → what it tells of, where it says which of them, and the field with the text."""
EMPTY: Mapping[str, Block] = MappingProxyType(
    {
        "output_text": Text("", called="output_text"),
        "refusal": Refusal("", called="refusal"),
        "summary_text": Reasoning("", summary=True, called="summary_text"),
        "reasoning_text": Reasoning("", called="reasoning_text"),
    }
)
"""Blocks as they begin."""
LISTS: Mapping[str, str] = MappingProxyType(
    {"output_text": "content", "refusal": "content", "summary_text": "summary", "reasoning_text": "content",
     "arguments": "arguments", "input": "input"}
)  # fmt: skip
CALLS = MappingProxyType({"function_call": "arguments", "custom_tool_call": "input"})


class _Item:
    """What has been told of an item of the output."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.turn: Turn | None = None
        self.ended = False
        self.blocks: dict[tuple[str, int], int] = {}
        """What a block is and its number → the number of the block."""
        self.told: set[tuple[str, int]] = set()
        """Which of them have been told, if only in part."""
        self.call: int | None = None
        self.waiting = ""
        """Arguments that came before the call had a name."""


class StreamDecoder:
    """One stream. This wire has all tools as they are, so nothing is known of what was `sent`."""

    def __init__(self, sent: SentTools = NOTHING_SENT) -> None:
        self._items: dict[int | str, _Item] = {}
        self._numbers = self._blocks = 0
        self._sums = Sums()
        self._first: Answer | None = None
        self._called = self._ended = False
        self._events: list[Event] = []

    def feed(self, frame: Json, name: str = "") -> Sequence[Event]:
        """What an event tells. Raises `InvalidResponse` for one that cannot be read."""
        if not isinstance(frame, dict):
            raise InvalidResponse("an event is no object")
        self._events = []
        kind = frame.get("type")
        said = SAID.get(kind) if isinstance(kind, str) else None
        text = None
        try:
            if self._ended:
                pass
            elif said is not None:
                text = self._said(frame, said)
            elif kind in HANDLERS:
                HANDLERS[kind](self, frame)
            self._events.append(Beside(Extra(WIRE, left_of(frame, self._sums, text))))
        except MISFITS as error:
            raise InvalidResponse("an event cannot be read") from error
        return self._events

    def end(self) -> Sequence[Event]:
        """Nothing: the last event has told the end, or the stream was cut off."""
        return ()

    # Texts

    def _said(self, frame: Json, said: tuple[str, str, str]) -> str | None:
        """One text of an item, a piece of it or the whole; a whole that has been told in pieces is not told again. Gives the
        piece that an event tells, for it to be left out of what is left of the frame."""
        voice, place, name = said
        text, whole = frame.get(name) or "", name != "delta"
        if not isinstance(text, str):
            raise InvalidResponse(f"the {voice} is no text")
        index = frame.get(place) or 0 if place else 0
        item = self._item(frame.get("item_id"), frame.get("output_index"))
        tokens = frame.get("logprobs")
        if not self._say(item, voice, index, text, whole, tokens) or whole:
            return None
        self._sums.add((frame.get("output_index"), LISTS[voice], index), text)
        return text

    def _say(self, item: _Item, voice: str, index: int, text: str, whole: bool, tokens: Any = None) -> bool:
        if not text or (whole and (voice, index) in item.told):
            return False
        if voice in ("arguments", "input"):
            item.told.add((voice, 0))
            if item.call is None:
                item.waiting += text
                return False
            self._events.append(ArgumentsDelta(item.call, text, whole=whole))
            return True
        block = self._block(item, voice, index)
        item.told.add((voice, index))
        if isinstance(EMPTY[voice], Reasoning):
            self._events.append(ReasoningDelta(block, text, whole=whole))
        else:
            logprobs = logprobs_of(tokens) if isinstance(tokens, list) and tokens else None
            if logprobs is None and tokens:
                raise InvalidResponse("the log probabilities cannot be read")
            self._events.append(TextDelta(block, text, logprobs=logprobs, whole=whole))
        return True

    def _block(self, item: _Item, voice: str, index: int) -> int:
        number = item.blocks.get((voice, index))
        if number is None:
            if item.turn is None:  # its first event has not come, or not yet
                item.turn = Turn(role=Role.ASSISTANT, place=("output", item.number))
                self._events.append(TurnStarted(item.number, item.turn))
            number = item.blocks[voice, index] = self._blocks
            self._blocks += 1
            self._events.append(BlockStarted(number, EMPTY[voice]))
        return number

    def annotated(self, frame: Json) -> None:
        place = frame.get("content_index") or 0
        item = self._item(frame.get("item_id"), frame.get("output_index"))
        item.told.add(("annotations", place))
        self._cite(item, place, frame["annotation"])

    def _cite(self, item: _Item, place: int, annotation: Json) -> None:
        block = self._block(item, "output_text", place)
        self._events.append(CitationDelta(block, citation_of(annotation, ("annotation",))))

    # Items

    def _item(self, item_id: Any, index: Any) -> _Item:
        """The item of that id, or at that place: upstreams leave out the one or change the other."""
        item = self._items.get(item_id) if item_id else None
        item = item or self._items.get(index)
        if item is None:
            item = _Item(self._numbers)
            self._numbers += 1
        self._items |= {key: item for key in (item_id, index) if key is not None}
        return item

    def added(self, frame: Json) -> None:
        given = frame["item"]
        item = self._item(given.get("id"), frame.get("output_index"))
        self._begin_turn(item, given)
        self._begin_call(item, given)

    def _begin_turn(self, item: _Item, given: Json) -> None:
        if item.turn is None:
            turn = turn_of(given, ("output", item.number), answer=True)
            item.turn = msgspec.structs.replace(turn, blocks=())
            self._events.append(TurnStarted(item.number, item.turn))

    def _begin_call(self, item: _Item, given: Json) -> None:
        """A call, as soon as it has a name."""
        kind = given.get("type")
        if kind not in CALLS or item.call is not None or not given.get("name"):
            return
        if not isinstance(given["name"], str):
            raise InvalidResponse("the name of a call is no text")
        bare = {name: said for name, said in given.items() if name not in ("arguments", "input")}
        read = turn_of(bare, ("output", item.number), answer=True).blocks[0]
        if not isinstance(read, ToolCall):
            return
        self._called = True
        item.call = self._blocks
        self._blocks += 1
        self._events.append(BlockStarted(item.call, read))
        if item.waiting:
            self._events.append(ArgumentsDelta(item.call, item.waiting))

    def done(self, frame: Json) -> None:
        self._whole(frame["item"], frame.get("output_index"))

    def _whole(self, given: Json, index: Any) -> None:
        """What is in an item and has not been told, and its end."""
        item, kind = self._item(given.get("id"), index), given.get("type", "")
        if item.ended:
            return
        self._begin_turn(item, given)
        if kind in CALLS:
            self._begin_call(item, given)
            name = CALLS[kind]
            self._say(item, name, 0, _text(given.get(name)), True)
        elif kind in ("message", "reasoning"):
            for parts in ("summary", "content"):
                for place, part in enumerate(given.get(parts) or ()):
                    self._part(item, place, part)
            self._sealed(item, given)
        else:
            self._picture(item, given)
        item.ended = True
        for block in (*item.blocks.values(), *(() if item.call is None else (item.call,))):
            self._events.append(BlockEnded(block))
        turn = turn_of(given, ("output", item.number), answer=True)
        self._events.append(TurnEnded(item.number, msgspec.structs.replace(turn, blocks=())))

    def _sealed(self, item: _Item, given: Json) -> None:
        """Thoughts in the form in which they can be sent back, which stand in the whole item alone."""
        for block in turn_of(given, ("output", item.number), answer=True).blocks:
            if isinstance(block, Reasoning) and block.sealed is not None:
                self._events += (BlockStarted(self._blocks, block), BlockEnded(self._blocks))
                self._blocks += 1

    def _part(self, item: _Item, place: int, part: Json) -> None:
        voice = part["type"]
        if voice in EMPTY:
            text = part.get("refusal" if voice == "refusal" else "text") or ""
            if not isinstance(text, str):
                raise InvalidResponse(f"the {voice} is no text")
            self._say(item, voice, place, text, True, part.get("logprobs"))
        if voice == "output_text" and ("annotations", place) not in item.told:
            item.told.add(("annotations", place))
            for annotation in part.get("annotations") or ():
                self._cite(item, place, annotation)

    def _picture(self, item: _Item, given: Json) -> None:
        """A block that comes whole: a picture, or what only this wire has."""
        for block in turn_of(given, ("output", item.number), answer=True).blocks:
            if isinstance(block, Image | Opaque) and ("whole", 0) not in item.told:
                item.told.add(("whole", 0))
                self._events.append(BlockStarted(self._blocks, block))
                self._events.append(BlockEnded(self._blocks))
                self._blocks += 1

    # Beginning and end

    def started(self, frame: Json) -> None:
        if self._first is None:
            self._first = Answer(wire=WIRE, words=WORDS, **head_of(dict(frame["response"])))
            self._events.append(Started(self._first))

    def completed(self, frame: Json) -> None:
        response = frame["response"]
        for index, given in enumerate(response.get("output") or ()):
            self._whole(given, index)
        used = used_in(response.get("usage"), ("usage",))
        if used is not None:
            self._events.append(UsageTold(used))
        status = str(frame["type"]).rpartition(".")[2]
        self._events.append(Finished(stop_of(response, status, called=self._called)))
        self._events.append(Ended(Answer(wire=WIRE, words=WORDS, **head_of(dict(response)))))
        self._ended = True

    def failed(self, frame: Json) -> None:
        response = frame.get("response") or {}
        self._events.append(Failed(failure_told(response.get("error") or frame.get("error") or NOT_COMPLETED, WIRE)))
        self._ended = True

    def error(self, frame: Json) -> None:
        error = {name: value for name, value in frame.items() if name not in ("type", "sequence_number")}
        self._events.append(Failed(failure_told(error, WIRE)))
        self._ended = True


def _text(value: Any) -> str:
    """Arguments, which a few upstreams send as an object."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value else ""


HANDLERS: Mapping[Any, Callable[[StreamDecoder, Json], None]] = MappingProxyType(
    {
        "response.created": StreamDecoder.started,
        "response.queued": StreamDecoder.started,
        "response.in_progress": StreamDecoder.started,
        "response.output_item.added": StreamDecoder.added,
        "response.output_item.done": StreamDecoder.done,
        "response.output_text.annotation.added": StreamDecoder.annotated,
        "response.completed": StreamDecoder.completed,
        "response.incomplete": StreamDecoder.completed,
        "response.failed": StreamDecoder.failed,
        "response.cancelled": StreamDecoder.failed,
        "error": StreamDecoder.error,
    }
)
