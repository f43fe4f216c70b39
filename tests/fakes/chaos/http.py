"""How are HTTP/1.1 messages read and written when every byte may be wrong on purpose? By hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Pairs = Iterable[tuple[str, str]]

REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class BadRequest(Exception):
    """The bytes are not an HTTP request that this server reads."""


class Request(NamedTuple):
    """One request. Header names are in lower case, in the order and number in which they came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def keep_alive(self) -> bool:
        return self.header("connection").lower() != "close"

    def header(self, name: str) -> str:
        """The first value of a header, "" without one."""
        return next((value for key, value in self.headers if key == name), "")


def parse(buffer: bytearray) -> Request | None:
    """Takes one whole request off the front of `buffer`; None while it is incomplete. Raises `BadRequest`."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3:
        raise BadRequest(lines[0])
    headers = tuple(_field(line) for line in lines[1:])
    fields = dict(headers)
    if fields.get("transfer-encoding", "").lower() == "chunked":
        taken = _dechunk(buffer, end + 4)
        if taken is None:
            return None
        body, consumed = taken
    else:
        consumed = end + 4 + int(fields.get("content-length") or 0)
        if len(buffer) < consumed:
            return None
        body = bytes(buffer[end + 4 : consumed])
    del buffer[:consumed]
    return Request(parts[0], parts[1], headers, body)


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise BadRequest(line)
    return name.lower(), value.strip()


def _dechunk(buffer: bytearray, position: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line_end := buffer.find(b"\r\n", position)) >= 0:
        size = int(bytes(buffer[position:line_end]).split(b";")[0], 16)
        start = line_end + 2
        if len(buffer) < start + size + 2:
            return None
        body += buffer[start : start + size]
        position = start + size + 2
        if size == 0:
            return bytes(body), position
    return None


def head(status: int, headers: Pairs) -> bytes:
    """The status line and the headers, as they are given."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def message(status: int, body: bytes, headers: Pairs = (), content_type: str = "application/json") -> bytes:
    """A whole, correct response."""
    return head(status, [("content-type", content_type), ("content-length", str(len(body))), *headers]) + body


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def compact(value: Any) -> bytes:
    """JSON without blanks, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
