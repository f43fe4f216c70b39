"""How is a stream of server-sent events cut into frames without changing a byte?

Format: WHATWG HTML, section "Server-sent events" (UTF-8; lines end in CR LF, LF or CR; a blank line ends an event).
A frame is one event with the bytes of its blank line, or the byte order mark before the first; the frames joined are the
stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from providers.errors import InvalidResponse

Frames = list[bytes]
"""Whole frames, in order."""
MAX_FRAME_BYTES = 64 * 1024 * 1024
"""As large as a whole answer may be: a picture is one event, and the last event of a response holds all of it."""
BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_NAMED_ERROR = re.compile(rb"event: ?error[ \t]*[\r\n]")
"""Without the start of the line: a literal that comes first is found twenty times as fast. An event may be a whole picture, and
nothing else runs while it is searched."""
_COMMENTS = re.compile(rb"(?:\xef\xbb\xbf)?(?:(?::[^\r\n]*)?(?:\r\n|\n|\r))*\Z")
_LINE = re.compile(rb"\r\n|\n|\r")


class FrameSplitter:
    """Cuts incrementally; `feed` returns the frames that are complete. None may have more than `limit` bytes."""

    __slots__ = ("_begun", "_limit", "_rest", "_returns", "_scanned")

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._begun = False
        self._rest = bytearray()
        self._scanned = 0
        self._returns = False
        """Whether a CR has been seen: only then can an event end in anything but two LF."""

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> Frames:
        """The frames completed by these bytes. Raises `InvalidResponse` for an event over the limit."""
        if self._begun and not self._rest and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            if len(chunk) > self._limit and any(len(part) > self._limit - 2 for part in chunk.split(b"\n\n")):
                raise InvalidResponse("an event is too long")
            if chunk.find(b"\n\n") == len(chunk) - 2:
                return [chunk]
            if b"\n\n\n" not in chunk:
                return [part + b"\n\n" for part in chunk[:-2].split(b"\n\n")]
        self._rest += chunk
        self._returns = self._returns or b"\r" in chunk
        return self._cut(self._rest)

    def _cut(self, data: bytearray) -> Frames:
        frames: Frames = [] if self._begun else self._begin(data)
        start = 0
        while (end := self._end_of_frame(data, max(start, self._scanned))) > 0:
            with memoryview(data) as view:
                frames.append(bytes(view[start:end]))
            start = end
            self._scanned = 0
        del data[:start]
        self._scanned = max(len(data) - 3, 0)
        if len(self._rest) > self._limit or any(len(frame) > self._limit for frame in frames):
            self._rest = bytearray()  # nobody holds what is refused
            raise InvalidResponse("an event is too long")
        return frames

    def _begin(self, data: bytearray) -> Frames:
        """Takes the byte order mark off the start of the stream."""
        self._begun = not BOM.startswith(data[: len(BOM)])
        if not data.startswith(BOM):
            return []
        self._begun = True
        del data[: len(BOM)]
        return [BOM]

    def _end_of_frame(self, data: bytearray, start: int) -> int:
        if self._returns:
            match = _END.search(data, start)
            return match.end() if match else 0
        found = data.find(b"\n\n", start)
        return found + 2 if found >= 0 else 0

    def rest(self) -> bytes:
        """What came after the last complete frame; forgets it."""
        rest, self._rest, self._scanned = bytes(self._rest), bytearray(), 0
        return rest


def data_of(frame: bytes) -> bytes | None:
    """The data of a frame, its `data:` lines joined by LF; None for a comment, a ping or a blank line."""
    if frame.startswith(b"data: ") and frame.find(b"\n", 6) == len(frame) - 2 and b"\r" not in frame:
        return frame[6:-2]
    if frame.startswith(b"event: ") and b"\r" not in frame:  # a name and one line of data, as a response's events have
        start = frame.find(b"\n", 7) + 1
        if frame.startswith(b"data: ", start) and frame.find(b"\n", start + 6) == len(frame) - 2:
            return frame[start + 6 : -2]
    if b"\r" in frame:
        frame = _LINE.sub(b"\n", frame)
    values = [value.removeprefix(b" ") for value in _values_of_data(frame)]
    return b"\n".join(values) if values else None


def names_error(frame: bytes) -> bool:
    """Whether an event is named `error`."""
    if b"error" not in frame:
        return False
    found = (match.start() for match in _NAMED_ERROR.finditer(frame))
    return any(start == 0 or frame[start - 1] in b"\r\n" for start in found)


def without_data(frame: bytes) -> Frames:
    """What goes to a client of a frame that holds no data: comments. The specification says that there is no event in it, but
    OpenAI's clients would take one out of `data:`, `event:` and `id:` lines, and read its empty data as JSON."""
    return [frame] if _COMMENTS.match(frame) else []


def with_data(frame: bytes, data: bytes, changed: bytes) -> bytes:
    """The frame with other data, and the rest of it as it came if its data is one line."""
    return frame.replace(data, changed, 1) if data in frame else frame_of(changed)


def _values_of_data(text: bytes) -> Iterator[bytes]:
    """What follows `data:` in each line; as few copies as can be, for an event may be a whole picture."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        if text.startswith(b"data:", start):
            yield text[start + 5 : end]
        elif text[start:end] == b"data":
            yield b""
        start = end + 1


def frame_of(data: bytes) -> bytes:
    """The frame that carries the data, each of its lines (they end in LF) in a field of its own."""
    return b"".join((b"data: ", data.replace(b"\n", b"\ndata: "), b"\n\n"))  # one copy, for it may be a whole picture
