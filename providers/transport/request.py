"""What are the bytes of a request?"""

from __future__ import annotations

from collections.abc import Iterator

from providers.errors import AdapterFailed
from providers.transport import UpstreamRequest

LARGE_BODY = 64 * 1024
"""Bytes from which a body is written apart from its head, as fast as the connection takes it."""
PIECE = 256 * 1024
"""How much of a large body is written at a time: encrypting it takes a fraction of a millisecond."""

BODILESS = frozenset({"GET", "DELETE", "OPTIONS"})
UNFRAMED = frozenset({"HEAD", "CONNECT"})
"""Methods whose answers do not have the body that their headers announce (RFC 9112 6.3)."""


def render(request: UpstreamRequest) -> bytes:
    """The whole request. Raises `AdapterFailed` for a header that holds a line break."""
    body = request.body
    if body and not request.headers:
        return b"%bcontent-length: %d\r\n\r\n%b" % (request.head.wire, len(body), bytes(body))
    return render_head(request) + bytes(body)


def pieces_of(request: UpstreamRequest) -> Iterator[bytes | memoryview]:
    """The body in pieces, none of which is a copy."""
    body = request.body
    if not isinstance(body, bytes | bytearray):
        return iter(body)
    view = memoryview(body)
    return (view[at : at + PIECE] for at in range(0, len(view), PIECE))


def render_head(request: UpstreamRequest) -> bytes:
    """The request up to its body."""
    head = request.head
    wire = head.wire
    if request.headers:
        wire += _header_lines(request.headers)
    if head.method in UNFRAMED:
        raise AdapterFailed(f"the method {head.method} is not supported")
    if request.body or head.method not in BODILESS:
        return b"%bcontent-length: %d\r\n\r\n" % (wire, len(request.body))
    return wire + b"\r\n"


def _header_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if not len(headers) == lines.count(b"\n") == lines.count(b"\r") or b"\0" in lines:
        raise AdapterFailed("a header contains a line break")
    return lines
