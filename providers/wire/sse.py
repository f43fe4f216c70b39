"""How is a stream of server-sent events cut into frames without changing a byte?

Format: WHATWG HTML, section "Server-sent events" (UTF-8; lines end in CR LF, LF or CR; a blank line ends an event).
A frame is one event with the bytes of its blank line; the frames joined are the stream.
"""

from __future__ import annotations

import re

from providers.errors import InvalidResponse

MAX_FRAME_BYTES = 1024 * 1024
BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE = re.compile(rb"\r\n|\n|\r")


class FrameSplitter:
    """Cuts incrementally; `feed` returns the frames that are complete."""

    __slots__ = ("_rest", "_scanned")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._scanned = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames completed by these bytes. Raises `InvalidResponse` for an event over `MAX_FRAME_BYTES`."""
        if not self._rest and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            if len(chunk) > MAX_FRAME_BYTES and any(len(part) > MAX_FRAME_BYTES - 2 for part in chunk.split(b"\n\n")):
                raise InvalidResponse("an event is too long")
            if chunk.find(b"\n\n") == len(chunk) - 2:
                return [chunk]
            if b"\n\n\n" not in chunk:
                return [part + b"\n\n" for part in chunk[:-2].split(b"\n\n")]
        self._rest += chunk
        return self._cut(self._rest)

    def _cut(self, data: bytearray) -> list[bytes]:
        frames: list[bytes] = []
        start = 0
        while match := _END.search(data, max(start, self._scanned)):
            frames.append(bytes(data[start : match.end()]))
            start = match.end()
            self._scanned = 0
        del match  # it holds the buffer
        del data[:start]
        self._scanned = max(len(data) - 3, 0)
        if len(self._rest) > MAX_FRAME_BYTES or any(len(frame) > MAX_FRAME_BYTES for frame in frames):
            raise InvalidResponse("an event is too long")
        return frames

    def rest(self) -> bytes:
        """What came after the last complete frame; forgets it."""
        rest, self._rest, self._scanned = bytes(self._rest), bytearray(), 0
        return rest


def data_of(frame: bytes) -> bytes | None:
    """The data of a frame, its `data:` lines joined by LF; None for a comment, a ping or a blank line."""
    if frame.startswith(b"data: ") and frame.find(b"\n", 6) == len(frame) - 2 and b"\r" not in frame:
        return frame[6:-2]
    lines = _LINE.split(frame.removeprefix(BOM))
    values = [line[5:] for line in lines if line.startswith(b"data:") or line == b"data"]
    return b"\n".join(value.removeprefix(b" ") for value in values) if values else None


def frame_of(data: bytes) -> bytes:
    """The frame that carries the data, each of its lines (they end in LF) in a field of its own."""
    return b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"
