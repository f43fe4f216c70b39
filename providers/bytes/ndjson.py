"""How is a stream of JSON lines cut into frames without changing a byte?

Format: newline-delimited JSON (`application/x-ndjson`), as Ollama sends it: each line is one JSON text and ends in LF. A frame is
a line with its end; the frames joined are the stream. CR before the LF, blank lines and a byte order mark at the start say
nothing (RFC 8259, section 8.1: whoever reads may ignore a mark).
"""

from __future__ import annotations

from providers.bytes.framing import Framing
from providers.bytes.sse import BOM, MAX_FRAME_BYTES, Frames
from providers.errors import InvalidResponse

END = b"\n"
SPACE = b" \t\r\n"


class LineSplitter:
    """Cuts incrementally; `feed` returns the lines that are complete. None may have more than `limit` bytes."""

    __slots__ = ("_limit", "_rest", "_scanned")

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._scanned = 0

    @property
    def waiting(self) -> int:
        """Bytes of a line whose end has not come."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> Frames:
        """The lines completed by these bytes. Raises `InvalidResponse` for a line over the limit."""
        if not self._rest and len(chunk) <= self._limit and chunk.find(END) == len(chunk) - 1:
            return [chunk] if chunk else []  # one line at a time, as nearly all come
        self._rest += chunk
        frames = self._cut()
        if len(self._rest) > self._limit or any(len(frame) > self._limit for frame in frames):
            self._rest, self._scanned = bytearray(), 0  # nobody holds what is refused
            raise InvalidResponse("a line is too long")
        return frames

    def rest(self) -> bytes:
        """What came after the last complete line; forgets it."""
        rest, self._rest, self._scanned = bytes(self._rest), bytearray(), 0
        return rest

    def _cut(self) -> Frames:
        frames: Frames = []
        start = 0
        with memoryview(self._rest) as view:
            while (end := self._rest.find(END, max(start, self._scanned)) + 1) > 0:
                frames.append(bytes(view[start:end]))
                start = end
                self._scanned = 0
        del self._rest[:start]
        self._scanned = len(self._rest)
        return frames


def data_of(frame: bytes) -> bytes | None:
    """The JSON text of a line; None for a blank one."""
    return frame.removeprefix(BOM).strip(SPACE) or None


def with_data(frame: bytes, data: bytes, changed: bytes) -> bytes:
    """The line with another text, and its end as it came."""
    return frame.replace(data, changed, 1) if data in frame else frame_of(changed)


def frame_of(data: bytes) -> bytes:
    """The line that carries a JSON text. Line ends may only stand between its tokens (JSON escapes those in strings), and are
    taken for space."""
    return b"%b\n" % (data.replace(b"\r", b" ").replace(END, b" ") if END in data or b"\r" in data else data)


def _name_of(frame: bytes) -> str:
    return ""


def _frame_of(data: bytes, name: bytes) -> bytes:
    return frame_of(data)


def _last(rest: bytes) -> bytes:
    return rest.rstrip(b"\r\n") + END


NDJSON = Framing(
    content_type=b"application/x-ndjson",
    splitter=LineSplitter,
    data_of=data_of,
    name_of=_name_of,
    frame_of=_frame_of,
    with_data=with_data,
    last=_last,
)
