"""What do the chunks of one candidate tell: texts, thoughts, calls, files?"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.canonical.blocks import Audio, Block, Citation, HostedCall, Reasoning, SourceKind, Text, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    CitationDelta,
    Event,
    MediaDelta,
    ReasoningDelta,
    SignatureDelta,
    TextDelta,
)
from providers.canonical.extra import Json, Place
from providers.canonical.functions import as_sent
from providers.canonical.tools import SentTools
from providers.errors import InvalidResponse
from providers.wire.gemini.codec.answers.decode import CallIds, sealed_before
from providers.wire.gemini.codec.answers.sources import CITED, GROUNDED, LOST, WEIGHED, citations_in, logprobs_in, moved
from providers.wire.gemini.codec.parts import json_text, part_block
from providers.wire.gemini.codec.spelling import camel, listed
from providers.wire.gemini.codec.streams.partial_args import PartialArgs


class CandidateReader:
    """One candidate; `called` is true once it has called anything that may be called, `lost` are the names of what no event of
    the last chunk tells."""

    def __init__(self, index: int, sent: SentTools, ids: CallIds) -> None:
        self.called = False
        self.lost: tuple[str, ...] = ()
        self._index = index
        self._place: Place = ("candidates", index, "content", "parts")
        self._sent, self._ids = sent, ids
        self._blocks = 0
        self._open: type[Block] | None = None
        """The kind of block that is being told, which is number `_blocks - 1`."""
        self._texts: list[str] = []
        self._length = 0
        """Characters of all text."""
        self._text_blocks: list[tuple[int, int]] = []
        """Texts, with how many characters stand before each."""
        self._cited: set[Citation] = set()
        self._pending: tuple[Json, PartialArgs] | None = None
        """A call whose arguments come in pieces."""

    def read(self, candidate: Json, events: list[Event]) -> None:
        """Adds the events of a candidate of a chunk."""
        self.lost = tuple(f"candidates[].{name}" for name in LOST if candidate.get(name))
        content = candidate.get("content")
        if content is not None:
            if type(content) is not dict:
                raise InvalidResponse("a content is no object")
            parts = listed(content.get("parts"))
            if not isinstance(parts, list | None):
                raise InvalidResponse("the parts are no list")
            for part in filter(None, parts or ()):  # an empty one says nothing
                self._part(part, candidate, events)
        if CITED in candidate or GROUNDED in candidate:
            self._cite(candidate, events)

    def close(self, events: list[Event]) -> None:
        """The ends of all that is open."""
        self._finish_call(events)
        self._close(events)

    def _part(self, part: Any, candidate: Json, events: list[Event]) -> None:
        if type(part) is dict and len(part) == 1 and type(text := part.get("text")) is str and WEIGHED not in candidate:
            if text:  # so it is with nearly all
                self._say(text, events)
            return
        if type(part) is dict and self._in_pieces(part, events):
            return
        block = part_block(part, self._place, answer=True)
        read = {Text: self._text, Reasoning: self._thought, ToolCall: self._call, HostedCall: self._hosted, Audio: self._sound}
        reader: Any = read.get(type(block))
        if reader is None:
            self._whole(block, events)
        else:
            reader(block, candidate, events)

    # Texts and thoughts

    def _say(self, text: str, events: list[Event], **more: Any) -> None:
        if self._open is not Text:
            self._begin(Text("", called="text", place=self._place), events)
            self._text_blocks.append((self._blocks - 1, self._length))
        events.append(TextDelta(self._blocks - 1, text, self._index, **more))
        self._texts.append(text)
        self._length += len(text)

    def _text(self, block: Text, candidate: Json, events: list[Event]) -> None:
        if block.text:
            self._say(block.text, events, logprobs=logprobs_in(candidate))
        if block.signature is not None and self._open is Text:
            events.append(SignatureDelta(self._blocks - 1, block.signature, self._index))
        elif block.signature is not None:  # it may come alone, when its text has ended
            self.lost += ("candidates[].content.parts[].thoughtSignature",)

    def _thought(self, block: Reasoning, candidate: Json, events: list[Event]) -> None:
        if self._open is not Reasoning:
            self._begin(Reasoning("", called=block.called, place=self._place), events)
        if block.text:
            events.append(ReasoningDelta(self._blocks - 1, block.text, self._index))
        for signature, sealed in ((block.signature, False), (block.sealed, True)):
            if signature is not None:
                events.append(SignatureDelta(self._blocks - 1, signature, self._index, sealed=sealed))

    def _cite(self, candidate: Json, events: list[Event]) -> None:
        """Citations count bytes of all that was said. Some upstreams repeat those of the chunks before."""
        if not self._text_blocks:
            return
        for citation in citations_in(candidate, "".join(self._texts).encode()):
            if citation not in self._cited:
                self._cited.add(citation)
                at = citation.text_start
                known = (one for one in reversed(self._text_blocks) if at is None or one[1] <= at)
                number, start = next(known, self._text_blocks[0])
                events.append(CitationDelta(number, moved(citation, start), self._index))

    # Calls

    def _in_pieces(self, part: Json, events: list[Event]) -> bool:
        """Whether a part is a piece of a call, which it then is taken as."""
        given = part.get("functionCall", part.get("function_call"))
        if type(given) is not dict:
            return False
        call = camel(given)
        pieces = listed(call.get("partialArgs"))
        if self._pending is None or call.get("name"):
            if pieces is None and call.get("willContinue") is not True:
                return False
            self._finish_call(events)
            self._pending = ({**part, "functionCall": {**call, "args": {}}}, PartialArgs())
        args = self._pending[1]
        for piece in pieces if isinstance(pieces, list) else ():
            args.add(camel(piece) if isinstance(piece, dict) else piece)
        if call.get("willContinue") is not True:
            self._finish_call(events)
        return True

    def _finish_call(self, events: list[Event]) -> None:
        if self._pending is None:
            return
        (part, args), self._pending = self._pending, None
        block = part_block(part, self._place, answer=True)
        if isinstance(block, ToolCall):
            whole = json_text(args.value) if args.value else block.arguments
            self._call(msgspec.structs.replace(block, arguments=whole), {}, events)

    def _call(self, block: ToolCall, candidate: Json, events: list[Event]) -> None:
        made = as_sent(block, self._sent)
        if made is None:
            return
        self.called = True
        if (thoughts := sealed_before(made)) is not None:
            self._whole(thoughts, events)
        self._told_at_once(self._ids.of(made), events)

    def _hosted(self, block: HostedCall, candidate: Json, events: list[Event]) -> None:
        self._told_at_once(block, events)

    def _told_at_once(self, block: ToolCall | HostedCall, events: list[Event]) -> None:
        self._begin(msgspec.structs.replace(block, arguments=""), events)
        if block.arguments:
            events.append(ArgumentsDelta(self._blocks - 1, block.arguments, self._index))
        self._close(events)

    # Files

    def _sound(self, block: Audio, candidate: Json, events: list[Event]) -> None:
        """Speech comes in pieces, each a part of its own."""
        if block.source is None or block.source.kind is not SourceKind.BASE64:
            self._whole(block, events)
            return
        if self._open is not Audio:
            empty = msgspec.structs.replace(block.source, value="")
            self._begin(msgspec.structs.replace(block, source=empty), events)
        events.append(MediaDelta(self._blocks - 1, block.source.value, "", self._index))

    def _whole(self, block: Block, events: list[Event]) -> None:
        self._begin(block, events)
        self._close(events)

    # Blocks

    def _begin(self, block: Block, events: list[Event]) -> None:
        self._close(events)
        self._open = type(block)
        events.append(BlockStarted(self._blocks, block, self._index))
        self._blocks += 1

    def _close(self, events: list[Event]) -> None:
        if self._open is not None:
            self._open = None
            events.append(BlockEnded(self._blocks - 1, self._index))
