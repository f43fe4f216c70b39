"""What does an upstream's answer contain, and is it valid? HTTP/1.1 (RFC 9112), without any input or output.

An `Answer` is fed with bytes and used for one answer after another. `head` says that status and headers are known,
`complete` that the answer has ended, `error` that it was invalid; `chunks` holds the content that was not taken yet.
"""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from providers.errors import InvalidResponse, ProtocolViolation, ProviderError, ResponseTooLarge
from providers.transport import MAX_HEADER_BYTES, MAX_HEADERS, MAX_REPLY_BYTES, Headers, announced

MAX_INTERIM = 16
"""Interim (1xx) answers before the final one."""

MANY_CHUNKS = 512
"""Small chunks are joined when so many have gathered: a bytes object takes 33 bytes more than it holds."""

CODINGS = frozenset({b"content-encoding", b"transfer-encoding"})
FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Answer:
    """With `whole`, all of the content is wanted at once and limited to `MAX_REPLY_BYTES`."""

    __slots__ = (
        "_fields",
        "_interim",
        "_joined",
        "_parser",
        "_quiet",
        "chunks",
        "complete",
        "error",
        "head",
        "headers",
        "keep",
        "peer",
        "received",
        "size",
        "status",
        "until_close",
        "whole",
    )

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._parser = HttpResponseParser(self)
        self._fields: Headers = []
        self.begin(False)
        self.complete = True

    def begin(self, whole: bool) -> None:
        """Expects the next answer."""
        self.whole = whole
        self.head = self.complete = self.keep = self.until_close = False
        self.error: ProviderError | None = None
        self.chunks: list[bytes] = []
        self.size = self.received = self._quiet = self._joined = self._interim = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Reads on. What is found is in the attributes; nothing is raised."""
        size, had_head = self.size, self.head
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.complete = False
            if self.error is None:
                self.error = ProtocolViolation(f"{self.peer}: {error}")
            return
        if self.whole and self.size > MAX_REPLY_BYTES:
            self.error = ResponseTooLarge(f"{self.peer}: the answer is longer than {MAX_REPLY_BYTES} bytes")
        elif not self.complete:
            if self.whole and self.head and not had_head and announced(self.headers) > MAX_REPLY_BYTES:
                self.error = ResponseTooLarge(f"{self.peer}: the answer announces more than {MAX_REPLY_BYTES} bytes")
            self._check_progress(0 if not had_head or self.size > size else len(data))

    def take(self) -> bytes:
        """The content that has gathered, `b""` if none."""
        chunks = self.chunks
        self.chunks = []
        self.size = self._joined = 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def drop_parser(self) -> None:
        """Breaks the reference cycle with the parser, once no more bytes come."""
        del self._parser

    def _check_progress(self, quiet: int) -> None:
        """After a read that did not complete the answer; `quiet` bytes of it were no content but chunk sizes or trailers."""
        if not self.head:
            if self.received > MAX_HEADER_BYTES:
                self.error = ProtocolViolation(f"{self.peer}: the head is longer than {MAX_HEADER_BYTES} bytes")
            return
        self._quiet = self._quiet + quiet if quiet else 0
        if self._quiet > MAX_HEADER_BYTES:
            self.error = ProtocolViolation(f"{self.peer}: more than {MAX_HEADER_BYTES} bytes without content")
        if len(self.chunks) - self._joined > MANY_CHUNKS:
            self.chunks[self._joined :] = [b"".join(self.chunks[self._joined :])]
            self._joined += 1

    # -- what the parser calls ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            self._refuse(ProtocolViolation(f"{self.peer}: bytes follow the end of the answer"))

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self._fields
        name = name.lower()
        fields.append((name, value.rstrip()))
        if name in CODINGS:
            self._check_coding(name, value)
        if len(fields) > MAX_HEADERS:
            self._refuse(ProtocolViolation(f"{self.peer}: more than {MAX_HEADERS} headers"))

    def on_headers_complete(self) -> None:
        parser = self._parser
        fields = self._fields
        self._fields = []
        if self.received > MAX_HEADER_BYTES and sum(len(name) + len(value) + 4 for name, value in fields) > MAX_HEADER_BYTES:
            self._refuse(ProtocolViolation(f"{self.peer}: the head is longer than {MAX_HEADER_BYTES} bytes"))
        self.status = status = parser.get_status_code()
        if status < 200:
            self._check_interim(status, fields)
            return
        self.headers = fields
        self.keep = parser.should_keep_alive()
        if not self.keep:
            self.until_close = not any(name in FRAMING for name, _ in fields)
        self.head = True

    def on_body(self, data: bytes) -> None:
        self.chunks.append(data)
        self.size += len(data)

    def on_message_complete(self) -> None:
        if self.head:
            self.complete = True
            if self._fields:  # trailers
                self._fields = []

    def _refuse(self, error: ProviderError) -> None:
        self.error = error
        raise error

    def _check_coding(self, name: bytes, value: bytes) -> None:
        """Only `transfer-encoding: chunked`, once, and no content coding: `identity` is what we ask for."""
        coding = value.strip().lower()
        if name == b"content-encoding":
            if coding not in {b"", b"identity"}:
                self._refuse(InvalidResponse(f"{self.peer}: content-encoding {coding[:20]!r}"))
        elif coding != b"chunked" or sum(field[0] == name for field in self._fields) > 1:
            self._refuse(ProtocolViolation(f"{self.peer}: transfer-encoding {coding[:20]!r}"))

    def _check_interim(self, status: int, fields: Headers) -> None:
        self._interim += 1
        if self._interim > MAX_INTERIM:
            self._refuse(ProtocolViolation(f"{self.peer}: more than {MAX_INTERIM} interim answers"))
        if status < 100 or any(name in FRAMING for name, _ in fields):
            self._refuse(ProtocolViolation(f"{self.peer}: interim answer {status}"))
