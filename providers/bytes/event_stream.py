"""How is AWS's event stream cut into frames, read and written?

Format: Amazon event stream encoding (`application/vnd.amazon.eventstream`). All numbers are big-endian.

    total length (4)  length of the headers (4)  CRC of these eight bytes (4)
    headers           payload                    CRC of everything before it (4)

A header is the length of its name (1), the name, the type of its value (1) and the value. CRCs are those of IEEE 802.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

import msgspec

from providers.bytes.framing import ERROR, Framing
from providers.errors import InvalidResponse, StreamTruncated

CONTENT_TYPE = b"application/vnd.amazon.eventstream"
MAX_FRAME_BYTES = 64 * 1024 * 1024
"""As large as a whole answer may be. AWS itself sends at most 24 MiB."""
MAX_HEADER_BYTES = 128 * 1024
PRELUDE_BYTES = 12
CRC_BYTES = 4
LEAST_BYTES = PRELUDE_BYTES + CRC_BYTES
ERROR_CODE, EVENT_TYPE = b":error-code", b"\x0b:event-type\x07"
"""Headers, the second with the length of its name and the type of its value."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Header = bool | int | bytes | str | datetime | UUID
_prelude = struct.Struct("!III").unpack_from
_number = struct.Struct("!I").unpack_from


class Message(NamedTuple):
    """A frame that was read."""

    headers: Mapping[str, Header]
    payload: bytes


class EventStreamSplitter:
    """Cuts incrementally; `feed` returns the frames that are complete and whose CRCs are right. None may have more than `limit`
    bytes."""

    __slots__ = ("_error", "_limit", "_need", "_rest")

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._need = 0
        """How long the frame is that has begun, 0 while its prelude has not come."""
        self._error: InvalidResponse | None = None

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames completed by these bytes. Raises `InvalidResponse` for one that is malformed or too long; after the frames
        before it, so that nothing sound is lost."""
        if self._error is not None:
            raise self._error
        self._rest += chunk
        frames: list[bytes] = []
        start = 0
        try:
            while frame := self._frame(start):
                frames.append(frame)
                start += len(frame)
        except InvalidResponse as error:
            self._rest, self._error = bytearray(), error
            if not frames:
                raise
            return frames
        del self._rest[:start]
        return frames

    def _frame(self, start: int) -> bytes:
        """The frame that begins there, b"" if it is not complete. Raises `InvalidResponse`."""
        rest = self._rest
        if not self._need:
            if len(rest) - start < PRELUDE_BYTES:
                return b""
            self._need = _length(rest, start, self._limit)
        if len(rest) - start < self._need:
            return b""
        with memoryview(rest) as view:
            frame = bytes(view[start : start + self._need])
        self._need = 0
        if crc32(memoryview(frame)[:-CRC_BYTES]) != _number(frame, len(frame) - CRC_BYTES)[0]:
            raise InvalidResponse("the CRC of an event is wrong")
        return frame

    def rest(self) -> bytes:
        """Nothing. Raises `StreamTruncated` if a frame is not complete, and the error that `feed` has found."""
        rest, self._rest, self._need = self._rest, bytearray(), 0
        if self._error is not None:
            raise self._error
        if rest:
            raise StreamTruncated("the stream ended within an event")
        return b""


def _length(data: bytearray, start: int, limit: int) -> int:
    """The length that a prelude tells. Raises `InvalidResponse`."""
    total, headers, crc = _prelude(data, start)
    with memoryview(data) as view:
        if crc32(view[start : start + 8]) != crc:
            raise InvalidResponse("the CRC of the beginning of an event is wrong")
    if headers > MAX_HEADER_BYTES or total < LEAST_BYTES + headers:
        raise InvalidResponse("the lengths of an event are wrong")
    if total > limit:
        raise InvalidResponse("an event is too long")
    return int(total)


# Reading


def message_of(frame: bytes) -> Message:
    """The headers and the payload of a frame that a splitter has given. Raises `InvalidResponse` for headers that cannot be
    read."""
    end = PRELUDE_BYTES + _number(frame, 4)[0]
    return Message(_headers(frame[PRELUDE_BYTES:end]), frame[end:-CRC_BYTES])


def read(frame: bytes) -> tuple[bytes, str]:
    """What a frame tells, and the name of its event. That of an exception is the type of the exception; an error that is none
    has the name `error`, and its code and message as JSON."""
    headers, payload = message_of(frame)
    kind = headers.get(":message-type", "event")
    if kind == "error":
        told = {"code": headers.get(":error-code"), "message": headers.get(":error-message")}
        return msgspec.json.encode({name: str(value) for name, value in told.items() if value is not None}), ERROR
    name = headers.get(":exception-type" if kind == "exception" else ":event-type", "")
    return payload, str(name)


def _headers(data: bytes) -> dict[str, Header]:
    headers: dict[str, Header] = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name, kind = data[at + 1 : end].decode(), data[end]
            headers[name], at = READERS[kind](data, end + 1)
    except (IndexError, KeyError, ValueError, OverflowError, struct.error) as error:
        raise InvalidResponse("the headers of an event cannot be read") from error
    if at > len(data):
        raise InvalidResponse("the headers of an event are cut off")
    return headers


Reader = Callable[[bytes, int], tuple[Header, int]]


def _packed(form: str) -> Reader:
    packed = struct.Struct(form)

    def read_number(data: bytes, at: int) -> tuple[Header, int]:
        return packed.unpack_from(data, at)[0], at + packed.size

    return read_number


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    start = at + 2
    end = start + int.from_bytes(data[at:start])
    if end > len(data):
        raise ValueError("it is cut off")
    return data[start:end], end


def _text(data: bytes, at: int) -> tuple[str, int]:
    value, end = _bytes(data, at)
    return value.decode(), end


def _time(data: bytes, at: int) -> tuple[datetime, int]:
    value, end = READERS[5](data, at)
    return EPOCH + timedelta(milliseconds=int(str(value))), end


def _uuid(data: bytes, at: int) -> tuple[UUID, int]:
    return UUID(bytes=data[at : at + 16]), at + 16


READERS: Mapping[int, Reader] = MappingProxyType(
    {
        0: lambda data, at: (True, at),
        1: lambda data, at: (False, at),
        2: _packed("!b"),
        3: _packed("!h"),
        4: _packed("!i"),
        5: _packed("!q"),
        6: _bytes,
        7: _text,
        8: _time,
        9: _uuid,
    }
)
"""Type of a value → what reads it at a place, and where it ends."""


# Writing


def frame_of(payload: bytes, headers: Mapping[str, Header]) -> bytes:
    """The frame of a payload. Whole numbers are written as 64 bits."""
    said = b"".join(map(_header, headers, headers.values()))
    total = LEAST_BYTES + len(said) + len(payload)
    begun = struct.pack("!II", total, len(said))
    frame = b"".join((begun, struct.pack("!I", crc32(begun)), said, payload))
    return frame + struct.pack("!I", crc32(frame))


def event_frame(name: str, payload: bytes, kind: str = "event") -> bytes:
    """The frame of an event with JSON in it, or of an exception (`kind`)."""
    of = ":exception-type" if kind == "exception" else ":event-type"
    return frame_of(payload, {of: name, ":content-type": "application/json", ":message-type": kind})


def _header(name: str, value: Header) -> bytes:
    said = name.encode()
    return bytes((len(said),)) + said + _value(value)


def _value(value: Header) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return struct.pack("!Bq", 5, value)
    if isinstance(value, datetime):
        return struct.pack("!Bq", 8, (value - EPOCH) // timedelta(milliseconds=1))
    if isinstance(value, UUID):
        return b"\x09" + value.bytes
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!BH", 7 if isinstance(value, str) else 6, len(data)) + data


# As one of the framings


def _data_of(frame: bytes) -> bytes | None:
    if not frame:
        return None
    end = PRELUDE_BYTES + _number(frame, 4)[0]
    return read(frame)[0] if frame.find(ERROR_CODE, PRELUDE_BYTES, end) > 0 else frame[end:-CRC_BYTES]


def _name_of(frame: bytes) -> str:
    """As `read` says. The header of most is found without reading all of them."""
    at = frame.find(EVENT_TYPE, PRELUDE_BYTES, PRELUDE_BYTES + _number(frame, 4)[0]) + len(EVENT_TYPE)
    if at < len(EVENT_TYPE):
        return read(frame)[1]
    return frame[at + 2 : at + 2 + int.from_bytes(frame[at : at + 2])].decode("utf-8", "replace")


def _with_data(frame: bytes, data: bytes, changed: bytes) -> bytes:
    return frame_of(changed, message_of(frame).headers)


def _last(rest: bytes) -> bytes:
    return rest


AWS_EVENTS = Framing(
    content_type=CONTENT_TYPE,
    splitter=EventStreamSplitter,
    data_of=_data_of,
    name_of=_name_of,
    frame_of=lambda data, name: event_frame(name.decode(), data),
    with_data=_with_data,
    last=_last,
)
