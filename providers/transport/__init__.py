"""How do bytes reach an upstream and come back? Two methods: the whole answer, or a stream.

`SlimTransport` (`slim.py`) is the default and the data path; `HttpxTransport` (`httpx_transport.py`) is the second
implementation, the check on the first and the way through proxies. Both raise only `ProviderError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec

from providers.types import Timeouts

MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 200
MAX_REPLY_BYTES = 64 * 1024 * 1024


class Origin(NamedTuple):
    """Where a connection goes: `scheme` is "http" or "https", `host` without brackets."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Head:
    """What stays the same in all requests to a target; compiled once. `path` is already percent-encoded, with its query.

    `headers` are all but Host and Content-Length, names in lower case. `wire` are the bytes from the request line to
    the last of these headers.
    """

    method: str
    origin: Origin
    path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    wire: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        scheme, host, port = self.origin
        shown = f"[{host}]" if ":" in host else host
        default = port == (443 if scheme == "https" else 80)
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {shown if default else f'{shown}:{port}'}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if any(character in line for line in lines for character in "\r\n\0"):
            raise ValueError("a header or the path contains a line break")
        object.__setattr__(self, "wire", ("\r\n".join(lines) + "\r\n").encode("latin-1"))


class Pieces(Protocol):
    """A body that is made while it is sent: its length, and its bytes piece by piece, from the start for every `iter`."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes | memoryview]: ...
    def __bytes__(self) -> bytes: ...


RequestHeader = tuple[bytes, bytes]
"""Its name in lower case, and its value."""


class UpstreamRequest(msgspec.Struct, frozen=True):
    """One exchange. `headers` are those of this request alone, already checked for line breaks. `sign`, if there is one, makes
    further ones each time the request is sent (`providers/signing.py`)."""

    head: Head
    body: bytes | bytearray | Pieces
    timeouts: Timeouts
    headers: tuple[RequestHeader, ...] = ()
    sign: Sign | None = None


Sign = Callable[[UpstreamRequest, float], Awaitable[tuple[RequestHeader, ...]]]
"""Gives the headers that sign a request which is sent now, in Unix seconds."""


Headers = list[tuple[bytes, bytes]]
"""Response headers, names in lower case, in the order received."""


class UpstreamReply(msgspec.Struct, frozen=True):
    """A whole answer, of any status. The body is decoded from its transfer coding; content codings are refused."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        return find_header(self.headers, name)


class UpstreamStream(Protocol):
    """An answer whose head has arrived."""

    status: int
    headers: Headers

    async def next(self) -> bytes:
        """The next bytes of the body, `b""` at its end. Cancelling it closes the connection."""
        ...

    def extend(self, seconds: float) -> None:
        """The next bytes may take `seconds` from now, but never past the total time-out. Bytes alone move nothing."""
        ...

    def close(self) -> None:
        """Gives a completed connection back, closes any other. May be called twice."""
        ...


class Transport(Protocol):
    """Sends one request. Cancelling either method closes the connection; nothing is redirected or retried but a
    request that found its kept-alive connection closed before one byte came back, which is sent once more."""

    async def fetch(self, request: UpstreamRequest) -> UpstreamReply:
        """The whole answer, at most `MAX_REPLY_BYTES`; within `first_byte` until the head and `total` in all."""
        ...

    async def stream(self, request: UpstreamRequest) -> UpstreamStream:
        """Returns when the head has arrived; the deadline of the first bytes is still `first_byte` from the start."""
        ...


def announced(headers: Headers) -> int:
    """The length that a checked head tells, 0 if it tells none."""
    return int(find_header(headers, b"content-length") or 0)


def find_header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of `name` (in lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None
