"""What does an event of ConverseStream tell?

Format: `bedrock-runtime` of botocore 1.44.8, `ConverseStreamOutput`. Blocks of text and of thoughts begin with their first delta;
the usage comes after the stop. What of an event no canonical event tells is left in its last one, `Beside`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Answer, Failure
from providers.canonical.blocks import Block, HostedCall, HostedResult, Image, Reasoning, Source, SourceKind, Text, ToolCall
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
from providers.canonical.leftovers import is_same, left
from providers.canonical.signature import signature_in
from providers.canonical.tools import NOTHING_SENT, CallKind, SentTools
from providers.errors import InvalidResponse
from providers.wire.bedrock_converse.codec.answers.decode import MISFITS, SILENT, tier_in
from providers.wire.bedrock_converse.codec.answers.stops import stop_of
from providers.wire.bedrock_converse.codec.answers.usage import used_in
from providers.wire.bedrock_converse.codec.citations import citation_json, citation_of
from providers.wire.bedrock_converse.codec.framing import EXCEPTION
from providers.wire.bedrock_converse.codec.sources import IMAGES
from providers.wire.bedrock_converse.codec.words import WIRE, WORDS

ERROR = "error"
START, BEGUN, DELTA, OVER, STOP, METADATA = (
    "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"
)  # fmt: skip
STARTED, CHANGED = (BEGUN,), (DELTA, "delta")
"""Where blocks stand in the events."""
THOUGHTS = ("text", "signature", "redactedContent")
PADDING = ("p",)
"""What Bedrock adds to events so that their length does not tell what is in them."""


class _Held:
    """A block that is told when it is whole: a custom tool's call, a picture, the result of a server's tool."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.pieces: list[str] = []
        self.output: list[Any] = []


class StreamDecoder:
    """One stream. `sent` says what the calls of it mean."""

    def __init__(self, sent: SentTools = NOTHING_SENT) -> None:
        self._sent = sent
        self._numbers: dict[int, int] = {}
        """Index at Bedrock → number of the block, of those that have begun."""
        self._held: dict[int, _Held] = {}
        self._dropped: set[int] = set()
        """Indexes of calls that are left out."""
        self._finished = False
        self._tier: str | None = None

    def feed(self, frame: Json, name: str = "") -> Sequence[Event]:
        """What an event tells. Raises `InvalidResponse` for one that cannot be read."""
        if not isinstance(frame, dict):
            raise InvalidResponse("an event is no object")
        if not name and len(frame) == 1:
            name, frame = next(iter(frame.items()))
        if name == ERROR or name.endswith(EXCEPTION):
            return (Failed(_failure(name, frame)),)
        handler = HANDLERS.get(name)
        if handler is None:  # one that is new
            return (_beside(name, {"raw": frame}, (name,) if name else tuple(frame)),)
        if not isinstance(frame, dict):
            raise InvalidResponse("what an event says is no object")
        try:
            return handler(self, dict(frame))
        except MISFITS as error:
            raise InvalidResponse("an event cannot be read") from error

    def end(self) -> Sequence[Event]:
        """That it has ended, if it has said why it stops."""
        if not self._finished:
            return ()
        return (Ended(None if self._tier is None else Answer(wire=WIRE, words=WORDS, service_tier=self._tier)),)

    def started(self, rest: Json) -> Sequence[Event]:
        return Started(Answer(wire=WIRE, words=WORDS)), _beside(START, {"rest": rest}, left(rest, silent=("role", *PADDING)))

    # Blocks

    def begun(self, rest: Json) -> Sequence[Event]:
        index, start = _index(rest), dict(rest["start"])
        kind = next(iter(start), "")
        if len(start) > 1:  # `ContentBlockStart` is a union, of which exactly one member is told
            raise InvalidResponse("a block begins as two things")
        begin = BEGINNERS.get(kind)
        if begin is None:
            return (_beside(BEGUN, {"raw": rest}, ()),)
        return begin(self, index, dict(start[kind]), rest)

    def call(self, index: int, inner: Json, rest: Json) -> Sequence[Event]:
        name, call_id = _text(inner.pop("name")), _text(inner.pop("toolUseId"))
        beside = _beside(BEGUN, {"rest": {name: value for name, value in rest.items() if name != "start"}, "call": inner})
        if inner.get("type") is not None:
            return BlockStarted(self._number(index), HostedCall(name, "", call_id, called="toolUse", place=STARTED)), beside
        call = ToolCall(name, "", call_id, called="toolUse", place=STARTED)
        known = as_sent(call, self._sent)
        if known is None:
            self._dropped.add(index)
            return (beside,)
        if not told_in_pieces(known.kind):
            self._held[index] = _Held(known)
        return BlockStarted(self._number(index), known), beside

    def image(self, index: int, inner: Json, rest: Json) -> Sequence[Event]:
        self._held[index] = _Held(Image(Source(SourceKind.BASE64, "", IMAGES.get(inner.get("format", ""), ""))))
        return (_beside(BEGUN, {"raw": rest}),)

    def result(self, index: int, inner: Json, rest: Json) -> Sequence[Event]:
        error = {"error": True, "success": False}.get(inner.get("status", ""))
        self._held[index] = _Held(HostedResult(WIRE, "", [], inner.get("toolUseId"), error, called="toolResult"))
        return (_beside(BEGUN, {"raw": rest}),)

    def delta(self, rest: Json) -> Sequence[Event]:
        index, delta = _index(rest), rest["delta"]
        kind = next(iter(delta), "") if isinstance(delta, dict) and len(delta) == 1 else ""
        read = DELTAS.get(kind)
        events = [] if read is None or index in self._dropped else read(self, index, delta[kind])
        if not events:
            lost = () if read is not None else tuple(f"delta.{name}" for name in delta)
            return (_beside(DELTA, {"raw": rest}, lost),)
        del rest["delta"]
        return *events, _beside(DELTA, {"rest": rest}, left(rest, silent=("contentBlockIndex", *PADDING)))

    def _open(self, index: int, block: Block) -> tuple[list[Event], int]:
        """The number of a block, which begins here if it has not."""
        if index in self._numbers:
            return [], self._numbers[index]
        number = self._number(index)
        return [BlockStarted(number, block)], number

    def _number(self, index: int) -> int:
        number = self._numbers[index] = len(self._numbers)
        return number

    def text(self, index: int, value: Any) -> list[Event]:
        if type(value) is not str:
            return []
        events, number = self._open(index, Text("", called="text", place=CHANGED))
        return [*events, TextDelta(number, value)]

    def arguments(self, index: int, value: Any) -> list[Event]:
        text = _only(value, "input")
        if text is None:
            return []
        if index in self._held:
            self._held[index].pieces.append(text)
            return []
        return [ArgumentsDelta(self._numbers[index], text)]

    def thought(self, index: int, value: Any) -> list[Event]:
        name = next((name for name in THOUGHTS if name in value), "")
        text = _only(value, name)
        if text is None:
            return []
        events, number = self._open(index, Reasoning(called="reasoningContent", place=CHANGED))
        if name == "text":
            return [*events, ReasoningDelta(number, text)]
        return [*events, SignatureDelta(number, signature_in(text, WIRE), sealed=name == "redactedContent")]

    def citation(self, index: int, value: Any) -> list[Event]:
        citation = citation_of(value, (*CHANGED, "citation"))
        if not is_same(citation_json(citation), value):
            return []
        events, number = self._open(index, Text("", called="text", place=CHANGED))
        return [*events, CitationDelta(number, citation)]

    def more(self, index: int, value: Any) -> list[Event]:
        """Of a picture, or of a result: told at its end."""
        held = self._held.get(index)
        if held is not None and isinstance(held.block, HostedResult):
            held.output += value
        elif held is not None and "source" in value:
            held.pieces.append(str(value["source"]["bytes"]))
        return []

    def over(self, rest: Json) -> Sequence[Event]:
        index = _index(rest)
        beside = _beside(OVER, {"rest": rest}, left(rest, silent=("contentBlockIndex", *PADDING)))
        held = self._held.pop(index, None)
        events: list[Event] = [] if held is None else self._told(index, held)
        if index in self._numbers and index not in self._dropped:
            events.append(BlockEnded(self._numbers[index]))
        return *events, beside

    def _told(self, index: int, held: _Held) -> list[Event]:
        block = held.block
        if isinstance(block, ToolCall):
            text = "".join(held.pieces)
            text = custom_input(text) if block.kind is CallKind.CUSTOM else text
            return [ArgumentsDelta(self._numbers[index], text, whole=True)]
        if isinstance(block, Image):
            source = Source(SourceKind.BASE64, "".join(held.pieces), block.source.media_type)
            return [BlockStarted(self._number(index), Image(source, called="image", place=STARTED))]
        assert isinstance(block, HostedResult)  # noqa: S101
        told = HostedResult(WIRE, "", held.output, block.call_id, block.is_error, called=block.called, place=STARTED)
        return [BlockStarted(self._number(index), told)]

    # The end

    def stopped(self, rest: Json) -> Sequence[Event]:
        self._finished = True
        stop = stop_of(_text(rest.pop("stopReason")))
        return Finished(stop), _beside(STOP, {"rest": rest}, left(rest, silent=PADDING))

    def metadata(self, rest: Json) -> Sequence[Event]:
        used = used_in(rest.get("usage"), ("usage",))
        events: list[Event] = [] if used is None else [UsageTold(used)]
        if used is not None:
            del rest["usage"]
        told = dict(rest)
        self._tier = tier_in(told) or self._tier
        return *events, _beside(METADATA, {"rest": rest}, left(told, silent=(*SILENT, *PADDING)))


def _text(value: Any) -> str:
    if type(value) is not str:
        raise InvalidResponse("a field of an event is no text")
    return value


def _only(value: Any, name: str) -> str | None:
    """The text that stands under the name, if that is all."""
    text = value[name] if isinstance(value, dict) and value.keys() == {name} else None
    return text if type(text) is str else None


def _index(rest: Json) -> int:
    index = rest["contentBlockIndex"]
    if type(index) is not int:
        raise InvalidResponse("the index of a block is no number")
    return index


def _beside(name: str, fields: Json, lost: tuple[str, ...] = ()) -> Beside:
    return Beside(Extra(WIRE, {"name": name, **fields}, lost))


def _failure(name: str, frame: Any) -> Failure:
    frame = frame if isinstance(frame, dict) else {}
    message = frame.get("message") or frame.get("Message") or frame.get("originalMessage")
    code = frame.get("code") if name == ERROR else None
    status = frame.get("originalStatusCode")
    return Failure(
        message=message if isinstance(message, str) else "",
        type=code if isinstance(code, str) else name,
        status=status if type(status) is int else None,
        extra=Extra(WIRE, {"name": name, "raw": frame}),
    )


Handler = Callable[[StreamDecoder, Json], Sequence[Event]]
HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        START: StreamDecoder.started,
        BEGUN: StreamDecoder.begun,
        DELTA: StreamDecoder.delta,
        OVER: StreamDecoder.over,
        STOP: StreamDecoder.stopped,
        METADATA: StreamDecoder.metadata,
    }
)
BEGINNERS: Mapping[str, Callable[[StreamDecoder, int, Json, Json], Sequence[Event]]] = MappingProxyType(
    {"toolUse": StreamDecoder.call, "image": StreamDecoder.image, "toolResult": StreamDecoder.result}
)
DELTAS: Mapping[str, Callable[[StreamDecoder, int, Any], list[Event]]] = MappingProxyType(
    {
        "text": StreamDecoder.text,
        "toolUse": StreamDecoder.arguments,
        "reasoningContent": StreamDecoder.thought,
        "citation": StreamDecoder.citation,
        "image": StreamDecoder.more,
        "toolResult": StreamDecoder.more,
    }
)
