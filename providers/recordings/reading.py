"""Which exchanges are in a recording? Requests with their answers, from a file or a folder, line by line.

Everything here reads files, so it blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from providers.recordings.lines import REQUEST, Damaged, Line, line_of
from providers.recordings.paths import wire_of_path
from providers.types import Wire

NUMBERED = re.compile(r"recording_([0-9]+)\.jsonl")
MOST_LINE_BYTES = 512 * 1024 * 1024
"""A body of 100 MB in base64, twice over. What is longer is no line of ours."""
MOST_PENDING = 10_000
"""Requests that may wait for their answers; of more, the oldest has none."""
APART_S = 2.0
"""How far the beginning of an answer, as its end and its duration tell it, may be from its request's."""


class NoRecording(Exception):
    """There is nothing to be read at a path; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands: the file, its first byte, its length and its number, from 1."""

    file: Path
    start: int
    size: int
    number: int

    def line(self) -> Line:
        """The line, read again. Raises `Damaged`, `OSError`."""
        with self.file.open("rb") as opened:
            opened.seek(self.start)
            return line_of(opened.read(self.size))

    def __str__(self) -> str:
        return f"{self.file.name}, line {self.number}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange. `answer` is a response, an error, or None if none was recorded."""

    request: Line
    answer: Line | None
    request_at: Place
    answer_at: Place | None = None

    @property
    def wire(self) -> Wire | None:
        """The format of both bodies, None if nobody knows."""
        named = self.request.wire
        return Wire(named) if named in tuple(Wire) else wire_of_path(self.request.path or "")

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream of frames."""
        if self.answer is None:
            return False
        if self.answer.is_streaming is not None:
            return self.answer.is_streaming
        kind = self.answer.content_type or self.answer.header("content-type")
        return kind.startswith(("text/event-stream", "application/x-ndjson"))


@dataclass(slots=True)
class Reading:
    """What came of reading: `damaged` lines were skipped, `unpaired` answers had no request."""

    damaged: int = 0
    unpaired: int = 0
    _pending: list[tuple[Line, Place]] = field(default_factory=list)

    def exchanges(self, files: list[Path]) -> Iterator[Recorded]:
        """The exchanges in the order of their answers, and then those without one. Raises `OSError`."""
        for file in files:
            for line, place in self._lines(file):
                yield from self._taken(line, place)
        for request, place in self._pending:
            yield Recorded(request, None, place)
        self._pending = []

    def _lines(self, file: Path) -> Iterator[tuple[Line, Place]]:
        start = number = 0
        with file.open("rb") as opened:
            while text := opened.readline(MOST_LINE_BYTES):
                number += 1
                place = Place(file, start, len(text), number)
                start += len(text)
                if not text.strip():
                    continue
                try:
                    yield line_of(text), place
                except Damaged:
                    self.damaged += 1

    def _taken(self, line: Line, place: Place) -> Iterator[Recorded]:
        if line.type == REQUEST:
            self._pending.append((line, place))
            if len(self._pending) > MOST_PENDING:
                oldest, where = self._pending.pop(0)
                yield Recorded(oldest, None, where)
            return
        found = self._asked(line)
        if found is None:
            self.unpaired += 1
            return
        request, where = self._pending.pop(found)
        yield Recorded(request, line, where, place)

    def _asked(self, answer: Line) -> int | None:
        """The place of the request that the line answers: that of its id, or where there are no ids, the one that fits best."""
        if answer.request_id is not None:
            numbers = (n for n, (request, _) in enumerate(self._pending) if request.request_id == answer.request_id)
            return next(numbers, None)
        fitting = [n for n, (request, _) in enumerate(self._pending) if request.request_id is None and _fits(request, answer)]
        return min(fitting, key=lambda n: _apart(self._pending[n][0], answer), default=None)


def _fits(request: Line, answer: Line) -> bool:
    """Whether what both lines say agrees."""
    if answer.type == "error":
        return (answer.method, answer.path) in ((request.method, request.path), (None, None))
    if answer.session_id is not None and answer.session_id != request.session_id:
        return False
    events = answer.header("content-type").startswith("text/event-stream")
    return bool(request.is_streaming) or not events


def _apart(request: Line, answer: Line) -> tuple[float, float]:
    """How ill the times of both fit: those that nearly agree are alike, and the first of them is taken."""
    if not request.at or not answer.at or answer.duration_ms is None:
        return 0.0, 0.0
    apart = abs(answer.began - request.at)
    return (apart, request.at) if apart > APART_S else (0.0, apart)


def files_of(path: Path) -> list[Path]:
    """The file, or the recordings of a folder in the order of their numbers. Raises `NoRecording`."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NoRecording("There is no such file or folder.")
    numbered = [(int(match[1]), file) for file in path.iterdir() if (match := NUMBERED.fullmatch(file.name)) and file.is_file()]
    if not numbered:
        raise NoRecording("There are no files recording_NNN.jsonl in the folder.")
    return [file for _, file in sorted(numbered)]
