"""What stands in a line of a recording? A request, a response, or an error in its place."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

import msgspec

JSON, TEXT, BINARY = "json", "text", "binary"
REQUEST, RESPONSE, ERROR = "request", "response", "error"
NOTHING = msgspec.Raw(b"null")


class Damaged(Exception):
    """A line holds nothing that can be used."""


class Body(msgspec.Struct, frozen=True):
    """A body as it was recorded; `content` is the JSON text of its content as it stands in the line."""

    size: int = 0
    type: str = ""
    content: msgspec.Raw = NOTHING
    exact: str | None = None
    truncated: bool = False
    redacted: bool = False

    def data(self) -> bytes:
        """Its bytes; b"" of one that was left out. Raises `Damaged`."""
        if self.truncated or not self.type:
            return b""
        if self.exact is not None:
            return self.exact.encode()
        if self.type == JSON:
            return bytes(self.content)
        try:
            text = msgspec.json.decode(self.content, type=str)
            return base64.b64decode(text, validate=True) if self.type == BINARY else text.encode()
        except (msgspec.MsgspecError, UnicodeEncodeError, binascii.Error) as error:
            raise Damaged("a body cannot be read") from error


NO_BODY = Body()


class Line(msgspec.Struct, frozen=True):
    """Any line. Fields that a kind of line does not have are at their defaults; those of cylestio-perimeter lack some."""

    type: str
    timestamp: str = ""
    request_id: str | None = None
    method: str | None = None
    path: str | None = None
    url: str | None = None
    query: str | None = None
    headers: dict[str, Any] | None = None
    body: Body | None = None
    session_id: str | None = None
    provider: str | None = None
    model: str | None = None
    is_streaming: bool | None = None
    wire: str | None = None
    dialect: str | None = None
    start_time: float | None = None
    status_code: int | None = None
    content_type: str | None = None
    duration_ms: float | None = None
    complete: bool = True
    error: dict[str, Any] | None = None
    end_time: float | None = None
    first_byte_ms: float | None = None
    frames: list[tuple[float, int]] | None = None
    error_type: str | None = None
    error_message: str | None = None

    @property
    def at(self) -> float:
        """When it was written of: seconds since the epoch, 0 if nobody knows."""
        exact = self.start_time if self.type == REQUEST else self.end_time
        if exact is not None:
            return exact
        try:
            return datetime.fromisoformat(self.timestamp).timestamp()
        except (ValueError, OverflowError):
            return 0.0

    @property
    def began(self) -> float:
        """When its exchange began; as `at`."""
        return self.at if self.type == REQUEST else self.at - (self.duration_ms or 0.0) / 1000

    def header_pairs(self) -> list[tuple[str, str]]:
        """The headers, names in lower case."""
        return [(name.lower(), value) for name, value in (self.headers or {}).items() if isinstance(value, str)]

    def header(self, name: str) -> str:
        """The value of a header, "" if there is none."""
        return dict(self.header_pairs()).get(name, "")


_decode = msgspec.json.Decoder(Line).decode


def line_of(text: bytes) -> Line:
    """The line. Raises `Damaged`."""
    try:
        line = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(str(error)) from error
    if line.type not in (REQUEST, RESPONSE, ERROR):
        raise Damaged("the line is of no known type")
    return line
