"""In which order are the blocks of a stream written, and when does each begin and end?

One block is open at a time, and is told at once; those that begin before it has ended wait, with all that they say. A text or
thoughts begin with their first character, a call at once.
"""

from __future__ import annotations

from providers.bytes.pieced_text import PiecedText
from providers.canonical.extra import Json
from providers.canonical.signature import Signature, carried
from providers.types import Wire
from providers.wire.anthropic_messages.codec.answers.content import object_of
from providers.wire.anthropic_messages.codec.block_json import sealed_json
from providers.wire.anthropic_messages.codec.words import WIRE

TYPES = {"text": "text_delta", "thinking": "thinking_delta", "partial_json": "input_json_delta"}
CALL, THINKING = "tool_use", "thinking"


class _Block:
    """One block: `start` is what begins it, `deltas` are those that wait."""

    def __init__(self, number: int, start: Json) -> None:
        self.number = number
        self.start = start
        self.kind: str = start["type"]
        self.begun = self.ended = self.signed = self.needed = False
        self.deltas: list[Json] = []
        self.arguments = PiecedText()


class Writer:
    """The events of one stream. `maker` is the wire of what is told."""

    def __init__(self, maker: Wire) -> None:
        self.maker = maker
        self._events: list[Json] = []
        self._queue: list[_Block] = []
        """The open block, and those that wait for its end."""
        self._known: dict[int, _Block] = {}
        self._index = 0

    def given(self) -> list[Json]:
        """The events since the last time."""
        events, self._events = self._events, []
        return events

    def event(self, event: Json) -> None:
        self._events.append(event)

    def begin(self, number: int, start: Json, *, at_once: bool = False) -> None:
        """A block begins, after those that are open have ended. A call whose arguments are whole ends then: chat tells the ends
        of calls only with the last."""
        block = self._known[number] = _Block(number, start)
        block.needed = at_once
        self._queue.append(block)
        for place, other in enumerate(self._queue[:-1]):
            if other.kind != CALL or (place == 0 and self._is_whole(other)):
                other.ended = True
        self._advance()

    def is_open(self, number: int) -> bool:
        """Whether a block has begun, or waits, and has not ended."""
        block = self._known.get(number)
        return block is not None and not block.ended

    def delta(self, number: int, name: str, text: str) -> None:
        """More of the text of a block; a call begins with an empty piece."""
        block = self._known.get(number)
        if not text or block is None or block.ended:
            return
        if block.kind == CALL:
            block.arguments.add(text)
        self._tell(block, {"type": TYPES[name], name: text})

    def cite(self, number: int, citation: Json) -> None:
        block = self._known.get(number)
        if block is not None and not block.ended:
            self._tell(block, {"type": "citations_delta", "citation": citation})

    def sign(self, number: int, signature: Signature) -> None:
        """The signature of thoughts, which is the last that they say."""
        block = self._known.get(number)
        if block is not None and not block.ended and not block.signed:
            block.signed = True
            self._tell(block, {"type": "signature_delta", "signature": carried(signature, WIRE)})

    def seal(self, signature: Signature) -> None:
        """Thoughts that only their maker can read, as a block of their own."""
        block = _Block(-1, {"type": "redacted_thinking", "data": sealed_json(signature)})
        block.needed = block.ended = True
        self._queue.append(block)
        self._advance()

    def end(self, number: int) -> None:
        """A block has ended."""
        block = self._known.get(number)
        if block is not None:
            block.ended = True
            self._advance()

    def close(self) -> None:
        """All have ended."""
        for block in self._queue:
            block.ended = True
        self._advance()

    def _tell(self, block: _Block, delta: Json) -> None:
        if block is not self._queue[0]:
            block.deltas.append(delta)
            return
        self._open(block)
        self._events.append({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _open(self, block: _Block) -> None:
        if block.begun:
            return
        block.begun = True
        self._events.append({"type": "content_block_start", "index": self._index, "content_block": block.start})
        if block.kind == CALL:
            self._piece({"type": "input_json_delta", "partial_json": ""})

    def _piece(self, delta: Json) -> None:
        self._events.append({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _advance(self) -> None:
        """Tells what the first block has waited with, and ends it if it has ended."""
        while self._queue:
            block = self._queue[0]
            if block.needed or block.deltas:
                self._open(block)
            deltas, block.deltas = block.deltas, []
            for delta in deltas:
                self._piece(delta)
            if not block.ended:
                return
            self._queue.pop(0)
            if block.begun:
                self._stop(block)

    def _stop(self, block: _Block) -> None:
        if block.kind == THINKING and not block.signed:  # nobody has signed them, which must be known when they come back
            self._piece({"type": "signature_delta", "signature": carried(Signature("", self.maker), WIRE)})
        self._events.append({"type": "content_block_stop", "index": self._index})
        self._index += 1

    def _is_whole(self, block: _Block) -> bool:
        return block.arguments.end == "}" and object_of(str(block.arguments)) is not None
