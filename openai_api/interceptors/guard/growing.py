"""What is found in a text that comes in pieces, and up to where is that certain?

A place is certain when nothing that may follow could begin a match there or before: the beginnings of matches that go on to the
end of what is known are held, and nothing else. No more than `hold` characters are, so that of a longer match only this much is
seen over the cuts of a stream.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from json import dumps
from typing import NamedTuple, Protocol

from openai_api.interceptors.guard.rules import Compiled, Finder, Patterns

BEFORE = 64
"""Characters that are kept before those that are not certain: patterns look back at them."""
TRIMMED = 1024


class Edit(NamedTuple):
    """A match from `start` to `end` of the text, and what is to stand there."""

    start: int
    end: int
    text: str
    by: Compiled


class Growing(Protocol):
    """`certain` is the place up to which all edits are known; `edits` are those, in order, until they are taken."""

    certain: int
    edits: list[Edit]

    def feed(self, text: str) -> None:
        """The text goes on. Raises `TimeoutError` where a pattern takes too long."""
        ...

    def end(self) -> None:
        """Nothing more comes, so that all is certain. More may come all the same, as another text."""
        ...


class GrowingText:
    """A text as it is. A `hold` of 0 is for one that is known whole when it is fed."""

    def __init__(self, patterns: Patterns, hold: int) -> None:
        self.certain = 0
        self.edits: list[Edit] = []
        self._patterns = patterns
        self._hold = hold
        self._known = ""
        self._left = 0
        """Characters before `_known` that have been forgotten."""

    def feed(self, text: str) -> None:
        self._known += text
        self._settle(ended=False)

    def end(self) -> None:
        self._settle(ended=True)

    def _settle(self, *, ended: bool) -> None:
        known, at = self._known, self.certain - self._left
        patterns, hold = self._patterns, self._hold
        matches: Finder | None = None
        opened = len(known) if ended or not hold else -1
        while at < len(known):
            if opened < at:
                opened = patterns.open_at(known, max(at, len(known) - hold))
            if at < opened:
                matches = matches or patterns.matches(known, at)
            found = matches.first(at) if matches is not None and at < opened else None
            if found is None or found.start >= opened:
                at = opened
                break
            self.edits.append(Edit(found.start + self._left, found.end + self._left, found.by.replacement, found.by))
            at = found.end
        self.certain = at + self._left
        if at > TRIMMED:
            forgotten = at - BEFORE
            self._known, self._left = known[forgotten:], self._left + forgotten


_IN_STRING = re.compile(r'"|\\u[0-9a-fA-F]{4}|\\[^u]|[^"\\]+|\\')
_INCOMPLETE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_BARE = re.compile(r'[\s,:{}\[\]]+|"|[^\s,:{}\[\]"]+')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
LONGEST_ESCAPE = 6
LONGEST_BARE = 256


class GrowingJson:
    """The strings and numbers in JSON text, each by itself and without escapes. What is put in a string's place stays JSON."""

    def __init__(self, patterns: Patterns, hold: int) -> None:
        self.certain = 0
        self.edits: list[Edit] = []
        self._patterns = patterns
        self._hold = hold
        self._read = 0
        """The place up to which the text was read."""
        self._rest = ""
        """An escape whose end has not come."""
        self._string: _String | None = None
        self._bare = ""

    def feed(self, text: str) -> None:
        data, at = self._rest + text, 0
        left = self._read
        while at < len(data):
            before = at
            at = self._outside(data, at, left) if self._string is None else self._inside(self._string, data, at, left)
            if at == before:
                break
        self._read, self._rest = left + at, data[at:]
        self._note()

    def end(self) -> None:
        if self._string is not None:
            self._close(self._string)
        self._read, self._rest = self._read + len(self._rest), ""
        self._end_bare(self._read)
        self._note()

    def _note(self) -> None:
        if self._string is None:
            self.certain = self._read - len(self._bare)
            return
        self._string.flush()
        self._take(self._string)
        self.certain = self._string.certain

    def _outside(self, data: str, at: int, left: int) -> int:
        for match in _BARE.finditer(data, at):
            piece = match[0]
            if piece == '"' or piece[0] in " \t\r\n,:{}[]":
                self._end_bare(left + match.start())
            if piece == '"':
                self._string = _String(GrowingText(self._patterns, self._hold), left + match.end())
                return match.end()
            if piece[0] not in " \t\r\n,:{}[]":
                self._bare = self._bare + piece if len(self._bare) + len(piece) <= LONGEST_BARE else ""
        return len(data)

    def _end_bare(self, end: int) -> None:
        """A number, or a word, which is replaced whole by a string."""
        text, self._bare = self._bare, ""
        found = self._patterns.matches(text, 0).first(0) if text else None
        if found is not None:
            self.edits.append(Edit(end - len(text), end, dumps(found.by.replacement), found.by))

    def _inside(self, string: _String, data: str, at: int, left: int) -> int:
        for match in _IN_STRING.finditer(data, at):
            piece, start = match[0], match.start()
            if piece == "\\" and len(data) - start < LONGEST_ESCAPE and _INCOMPLETE.match(data, start):
                return start
            if piece == '"':
                self._close(string)
                return match.end()
            string.add(piece, left + match.end())
        return len(data)

    def _close(self, string: _String) -> None:
        string.flush()
        string.text.end()
        self._take(string)
        self._string = None

    def _take(self, string: _String) -> None:
        for start, end, text, by in string.text.edits:
            self.edits.append(Edit(string.place(start), string.place(end), dumps(text)[1:-1], by))
        string.text.edits.clear()


class _String:
    """One string of the JSON text, and where its characters stand there."""

    def __init__(self, text: GrowingText, start: int) -> None:
        self.text = text
        self._pending: list[str] = []
        self._length = 0
        self._marks, self._places = [0], [start]
        """Characters of the string from which on the distance to their places is another, and their places."""

    @property
    def certain(self) -> int:
        return self.place(self.text.certain)

    def place(self, character: int) -> int:
        at = bisect_right(self._marks, character) - 1
        return self._places[at] + character - self._marks[at]

    def add(self, piece: str, end: int) -> None:
        """What the piece says, which ends at that place."""
        if piece[0] == "\\" and len(piece) > 1:
            piece = chr(int(f"0x{piece[2:]}", 0)) if piece[1] == "u" else _ESCAPES.get(piece[1], piece[1])
            self._marks.append(self._length + 1)
            self._places.append(end)
        self._pending.append(piece)
        self._length += len(piece)

    def flush(self) -> None:
        if self._pending:
            self.text.feed("".join(self._pending))
            self._pending.clear()


def edited(text: str, edits: list[Edit], start: int = 0) -> str:
    """The part of a text that begins at its place `start`, with the edits. The new text of an edit that goes over several parts
    stands in the one where it begins."""
    out: list[str] = []
    at, end = start, start + len(text)
    for edit in edits:
        if edit.end <= start or edit.start >= end:
            continue
        out.append(text[at - start : max(edit.start, at) - start])
        if edit.start >= start:
            out.append(edit.text)
        at = min(edit.end, end)
    out.append(text[at - start :])
    return "".join(out)
