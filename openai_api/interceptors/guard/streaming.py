"""What goes on of a stream that is guarded? Events wait as long as a text of theirs, or of one before, may begin a match.

Those that nothing was found in go on as they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from openai_api.hooks.event import StreamEvent
from openai_api.hooks.kinds import Refusal
from openai_api.interceptors.guard.chosen import FORMS, Choice, look
from openai_api.interceptors.guard.growing import Edit, Growing, edited
from openai_api.interceptors.guard.pieces import EVERYTHING, Piece, Place, empty_leaks, ended_by, in_event
from openai_api.interceptors.guard.places import Part
from openai_api.interceptors.guard.rules import Where
from providers.bytes.halves import decoded

MOST_HELD = 500
"""Events that wait at most."""
CHOSEN = ("choices", "candidates")
"""Fields with several answers."""
Note = Callable[[Edit], None]
"""Told of each match. Raises where it denies."""
Key = tuple[Place, str]


class _Text:
    """One text of the stream, which goes on over its events."""

    def __init__(self, acting: Growing | None, noting: Growing | None, part: Part) -> None:
        self.acting = acting
        self.noting = noting
        self.part = part
        self.length = 0
        self.certain = 0
        self.edits: list[Edit] = []

    @property
    def is_open(self) -> bool:
        return self.certain < self.length or (self.noting is not None and self.noting.certain < self.length)

    def feed(self, text: str, note: Note) -> None:
        self.length += len(text)
        if self.noting is not None:
            self.noting.feed(text)
        if self.acting is not None:
            self.acting.feed(text)
        self._found(note)

    def end(self, note: Note) -> None:
        if self.noting is not None:
            self.noting.end()
        if self.acting is not None:
            self.acting.end()
        self._found(note)

    def _found(self, note: Note) -> None:
        self.certain = self.length if self.acting is None else self.acting.certain
        if self.noting is not None and self.noting.edits:
            for edit in self.noting.edits:
                note(edit)
            self.noting.edits.clear()
        if self.acting is not None and self.acting.edits:
            for edit in self.acting.edits:
                note(edit)
            self.edits += self.acting.edits
            self.acting.edits.clear()

    def forget(self, before: int) -> None:
        if self.edits and self.edits[0].end <= before:
            self.edits = [edit for edit in self.edits if edit.end > before]


class _Waiting:
    """An event, its body, and where its pieces stand in their texts."""

    __slots__ = ("body", "changed", "event", "parts", "size")

    def __init__(self, event: StreamEvent, body: dict[str, Any]) -> None:
        self.event = event
        self.body = body
        self.parts: list[tuple[Piece, _Text, int, int]] = []
        self.changed: set[str] = set()
        self.size = 0

    def is_certain(self) -> bool:
        for _, text, _, end in self.parts:  # noqa: SIM110 - called for every event
            if text.certain < end:
                return False
        return True

    def made(self) -> StreamEvent:
        """The event as it goes on."""
        for piece, text, start, end in self.parts:
            if text.edits:
                before = piece.text
                after = edited(before, text.edits, start)
                if after != before:
                    piece.put(after)
                    self.changed.add(piece.top)
                text.forget(end)
        if not self.changed:
            return self.event
        self.changed |= empty_leaks(self.event.wire, self.body)
        return self.event.changed(**{name: self.body[name] for name in self.changed})


class GuardedStream:
    """One stream. `hold` is how many characters may wait."""

    def __init__(self, choice: Choice, hold: int, note: Note) -> None:
        self._choice = choice
        self._hold = hold
        self._note = note
        self._texts: dict[Key, _Text] = {}
        self._open: dict[Key, _Text] = {}
        """Those whose end may be the beginning of a match."""
        self._last: dict[Place, tuple[Key, _Text]] = {}
        """The text of each answer that was told last."""
        self._waiting: deque[_Waiting] = deque()
        self._held = 0
        self._blind = False

    @property
    def held(self) -> int:
        """Characters that wait."""
        return self._held

    def take(self, event: StreamEvent) -> list[StreamEvent] | StreamEvent:
        """What goes on when the event has come. Raises `Refusal`, after which nothing goes on, and `TimeoutError`, after which
        all does."""
        if self._blind:
            return [*self._all(), event]
        try:
            waiting = self._read(event)
            if not self._waiting and waiting.is_certain():
                return waiting.made()
            self._waiting.append(waiting)
            self._held += waiting.size
            return self._released()
        except BaseException as error:
            self._stop(error)
            raise

    def end(self) -> list[StreamEvent]:
        """What has waited until the end. Raises as `take`."""
        if self._blind:
            return self._all()
        try:
            self._end(EVERYTHING)
            return self._released()
        except BaseException as error:
            self._stop(error)
            raise

    def _stop(self, error: BaseException) -> None:
        self._blind = True
        if isinstance(error, Refusal):
            self._waiting.clear()

    def _all(self) -> list[StreamEvent]:
        events = [waiting.event for waiting in self._waiting]
        self._waiting.clear()
        return events

    def _read(self, event: StreamEvent) -> _Waiting:
        body = event.body
        if body is None and b"\\u" in event.data:
            body = _without_halves(event.data)
        if not isinstance(body, dict):
            return _Waiting(event, {})
        wire, waiting = event.wire, _Waiting(event, body)
        for piece in in_event(wire, body):
            if piece.row.grows:
                self._grow(waiting, piece)
            else:
                after, found = look(self._choice, Where.ANSWER, piece)
                for edit in found:
                    self._note(edit)
                if after is not None:
                    piece.put(after)
                    waiting.changed.add(piece.top)
        for place in ended_by(wire, body):
            self._end(place)
        return waiting

    def _grow(self, waiting: _Waiting, piece: Piece) -> None:
        key = (piece.place, piece.row.grows)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._text(piece)
        answer = piece.place[:1] if piece.top in CHOSEN else ()
        before = self._last.get(answer)
        if before is None or before[0] != key:
            if before is not None and not (before[1].part is Part.CALLS and text.part is Part.CALLS):
                self._end(answer)
            self._last[answer] = key, text
        said = piece.text
        start = text.length
        text.feed(said, self._note)
        if text.is_open:
            self._open[key] = text
        elif self._open:
            self._open.pop(key, None)
        waiting.size += len(said)
        waiting.parts.append((piece, text, start, text.length))

    def _text(self, piece: Piece) -> _Text:
        acting, noting = self._choice.of(Where.ANSWER, piece.role, piece.row.part)
        form = FORMS[piece.row.form]
        return _Text(
            None if acting is None else form(acting, self._hold),
            None if noting is None else form(noting, self._hold),
            piece.row.part,
        )

    def _end(self, place: Place) -> None:
        """Ends the texts of an answer, or all."""
        for key, text in list(self._open.items()):
            if key[0][: len(place)] == place:
                text.end(self._note)
                del self._open[key]

    def _released(self) -> list[StreamEvent]:
        out: list[StreamEvent] = []
        waiting = self._waiting
        while waiting:
            if not waiting[0].is_certain():
                if self._held <= self._hold and len(waiting) < MOST_HELD:
                    break
                for _, text, _, _ in waiting[0].parts:
                    text.end(self._note)
            first = waiting.popleft()
            self._held -= first.size
            out.append(first.made())
        return out


def _without_halves(data: bytes) -> Any:
    try:
        return decoded(data)
    except ValueError:
        return None
