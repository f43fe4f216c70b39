"""How is a stream cut into frames, and what does a frame hold? One value for each way: here server-sent events.

Lines of JSON are in `ndjson.py`, AWS's event stream is in `event_stream.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from providers.bytes import sse


class Splitter(Protocol):
    """Cuts one stream into its frames, wherever the network has cut it."""

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        ...

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that these bytes complete. Raises `InvalidResponse` for a frame that is malformed or too long."""
        ...

    def rest(self) -> bytes:
        """What is left at the end of the stream: a frame that was not completed, or nothing; it is forgotten. Raises
        `StreamTruncated` if the framing does not allow it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """One way to frame a stream. `splitter` makes what cuts one stream.

    `data_of` gives the data of a frame, None where it has none (a comment); `name_of` the name of its event, "" where the framing
    has no names or the name says nothing: of server-sent events only `error` does, as all else stands in their data. `frame_of`
    writes a frame of data and a name (b"" for none), `with_data` one with other data in place of that which it has (`frame`,
    `data`, `changed`). `last` makes a frame of what was left at the end of the stream (see `Splitter.rest`).
    """

    content_type: bytes
    splitter: Callable[[], Splitter]
    data_of: Callable[[bytes], bytes | None]
    name_of: Callable[[bytes], str]
    frame_of: Callable[[bytes, bytes], bytes]
    with_data: Callable[[bytes, bytes, bytes], bytes]
    last: Callable[[bytes], bytes]


ERROR = "error"


def _name_of(frame: bytes) -> str:
    return ERROR if sse.names_error(frame) else ""


def _frame_of(data: bytes, name: bytes) -> bytes:
    frame = sse.frame_of(data)
    return b"event: %b\n%b" % (name, frame) if name else frame


def _last(rest: bytes) -> bytes:
    return rest.rstrip(b"\r\n") + b"\n\n"


SSE = Framing(
    content_type=b"text/event-stream; charset=utf-8",
    splitter=sse.FrameSplitter,
    data_of=sse.data_of,
    name_of=_name_of,
    frame_of=_frame_of,
    with_data=sse.with_data,
    last=_last,
)
