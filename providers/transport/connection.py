"""How does one connection carry one exchange after another? HTTP/1.1 (RFC 9112), the client's side.

A connection is in one of three states: idle (`complete`, known to its pool), in an exchange (not `complete`), or gone.
Whoever waits for it waits on `waiter`, and finds `head`, `chunks`, `complete` or `error` set when it is woken.
"""

from __future__ import annotations

import asyncio
import socket
from math import inf
from time import monotonic
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from providers.errors import (
    DeadlineExceeded,
    FirstByteTimeout,
    IdleTimeout,
    InvalidResponse,
    ProtocolViolation,
    ProviderError,
    ResponseTooLarge,
    StreamTruncated,
    TotalTimeout,
    UpstreamReset,
)
from providers.transport import MAX_HEADER_BYTES, MAX_HEADERS, MAX_REPLY_BYTES, Headers, UpstreamRequest
from providers.transport.request import LARGE_BODY, render, render_head
from providers.transport.sweep import Sweep

MAX_INTERIM = 16
"""Interim (1xx) answers before the final one."""

HIGH_WATER = 256 * 1024
"""Bytes of a stream that may wait for their reader before reading pauses."""

MANY_CHUNKS = 512
"""Small chunks are joined when so many have gathered: a bytes object costs 33 bytes more than it holds."""

CODINGS = frozenset({b"content-encoding", b"transfer-encoding"})
FRAMING = frozenset({b"content-length", b"transfer-encoding"})

SOCKET_OPTIONS = tuple(
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 15),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 10_000),
    )
    if hasattr(socket, name)
)


class Home(Protocol):
    """The pool of a connection: takes it back after an exchange, is told when it cannot be used any more and when it ends."""

    peer: str

    def opened(self) -> None: ...
    def release(self, connection: Connection) -> None: ...
    def unusable(self, connection: Connection) -> None: ...
    def lost(self) -> None: ...


class Connection(asyncio.Protocol):
    __slots__ = (
        "_fields",
        "_idle",
        "_interim",
        "_joined",
        "_large",
        "_late",
        "_loop",
        "_overdue",
        "_parser",
        "_paused",
        "_quiet",
        "_sweep",
        "_total",
        "_transport",
        "_until_close",
        "_waiter",
        "_whole",
        "chunks",
        "closed",
        "complete",
        "deadline",
        "error",
        "head",
        "headers",
        "home",
        "keep",
        "received",
        "size",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, home: Home, sweep: Sweep) -> None:
        self._loop = loop
        self._sweep = sweep
        self.home = home
        self._waiter: asyncio.Future[None] | None = None
        self._fields: Headers = []
        self.deadline = inf
        self.complete = True
        self.head = self.keep = self.closed = self._whole = False
        self.size = self.received = 0
        self.error: ProviderError | None = None

    # -- what the transport calls ---------------------------------------------------------------------------------

    def send(self, request: UpstreamRequest, whole: bool, deadline: float, total: float) -> asyncio.Future[None]:
        """Begins an exchange; the future is done when the head (with `whole`: the answer) is there, or `error` is."""
        self.complete = self.head = self.keep = self._until_close = self._overdue = self._paused = False
        self.error = None
        self.chunks: list[bytes] = []
        self.size = self.received = self._quiet = self._joined = self._interim = 0
        self._whole = whole
        self._idle = request.timeouts.idle
        self._total = total
        self._late: type[DeadlineExceeded] = FirstByteTimeout
        self.deadline = deadline
        if deadline < self._sweep.wake:
            self._sweep.arm(deadline)
        body = request.body
        self._large = len(body) > LARGE_BODY
        if self._large:
            self._transport.write(render_head(request))
            self._transport.write(body)
        else:
            self._transport.write(render(request))
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiter = waiter
        return waiter

    def wait(self) -> asyncio.Future[None]:
        """A future that is done when something new has arrived."""
        if self._waiter is not None:
            raise RuntimeError("two readers wait for one stream")
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiter = waiter
        if self._overdue:
            self.fail(self._timed_out(self._late))
        return waiter

    def take(self) -> bytes:
        """All bytes that have arrived, `b""` if none."""
        chunks = self.chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.chunks = []
        self.size = self._joined = 0
        if self._paused:
            self._resume()
        return data

    def extend(self, seconds: float) -> None:
        """Moves the deadline of the next bytes to `seconds` from now."""
        self._late = IdleTimeout
        self._overdue = False
        if self._paused:
            self._idle = seconds
        else:
            self._expect(monotonic() + seconds)

    def fail(self, error: ProviderError) -> None:
        """Ends the exchange with an error and closes the connection."""
        if self.error is None:
            self.error = error
        self.abort()
        self._wake()

    def abort(self) -> None:
        """Closes the connection at once."""
        self.closed = True
        self.keep = False
        self.deadline = inf
        self.home.unusable(self)
        self._transport.abort()

    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.complete and self.keep and not (self._large and self._transport.get_write_buffer_size())

    # -- what the sweep calls -------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        if self.complete:
            self.abort()
        elif now >= self._total:
            self.fail(self._timed_out(TotalTimeout))
        elif self._waiter is not None:
            self.fail(self._timed_out(self._late))
        else:
            self._overdue = True
            self.deadline = self._total

    def _timed_out(self, error: type[DeadlineExceeded]) -> DeadlineExceeded:
        return error(f"{self.home.peer}: {error.__doc__}")

    def _expect(self, deadline: float) -> None:
        self.deadline = deadline = min(deadline, self._total)
        if deadline < self._sweep.wake:
            self._sweep.arm(deadline)

    # -- what the event loop calls --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = HttpResponseParser(self)
        raw = transport.get_extra_info("socket")
        for level, option, value in SOCKET_OPTIONS:
            raw.setsockopt(level, option, value)
        self._sweep.enter(self)
        self.home.opened()

    def data_received(self, data: bytes) -> None:
        size, had_head = self.size, self.head
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.complete = False
            self.fail(self.error or ProtocolViolation(f"{self.home.peer}: {error}"))
            return
        if not self.complete:
            self._unfinished(0 if not had_head or self.size > size else len(data))
        if self.complete or (self.head and not self._whole):
            self._wake()

    def eof_received(self) -> None:
        self._end(None)
        self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self.deadline = inf
        self._sweep.leave(self)
        self.home.unusable(self)
        self.home.lost()
        self._end(error)
        del self._parser

    def _end(self, error: Exception | None) -> None:
        self.keep = False
        if not self.complete and self.error is None:
            if self._until_close and error is None:
                self.complete = True
            else:
                kind = StreamTruncated if self.head and not self._whole else UpstreamReset
                self.error = kind(f"{self.home.peer}: the connection broke after {self.received} bytes: {error}")
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _unfinished(self, quiet: int) -> None:
        """Looks at the limits after a read that did not complete the answer; `quiet` bytes of it were no content."""
        if not self.head:
            if self.received > MAX_HEADER_BYTES:
                self.fail(ProtocolViolation(f"{self.home.peer}: the head is longer than {MAX_HEADER_BYTES} bytes"))
            return
        self._quiet = self._quiet + quiet if quiet else 0
        if self._quiet > MAX_HEADER_BYTES:
            self.fail(ProtocolViolation(f"{self.home.peer}: more than {MAX_HEADER_BYTES} bytes without content"))
            return
        if len(self.chunks) - self._joined > MANY_CHUNKS:
            self._join()
        if not self._whole:
            if self.size > HIGH_WATER and not self._paused:
                self._pause()
        elif self.size > MAX_REPLY_BYTES:
            self.fail(ResponseTooLarge(f"{self.home.peer}: the answer is longer than {MAX_REPLY_BYTES} bytes"))
        else:
            self._late = IdleTimeout
            self._expect(monotonic() + self._idle)

    def _join(self) -> None:
        chunks = self.chunks
        chunks[self._joined :] = [b"".join(chunks[self._joined :])]
        self._joined += 1

    def _pause(self) -> None:
        """The reader is slow: the time until it reads again is not the upstream's."""
        self._paused = True
        self._idle = max(0.0, self.deadline - monotonic())
        self.deadline = self._total
        self._transport.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        if not self.closed:
            self._expect(monotonic() + self._idle)
            self._transport.resume_reading()

    # -- what the parser calls ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            self._refuse(ProtocolViolation(f"{self.home.peer}: bytes follow the end of the answer"))

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self._fields
        name = name.lower()
        fields.append((name, value.rstrip()))
        if name in CODINGS:
            self._check_coding(name, value)
        if len(fields) > MAX_HEADERS:
            self._refuse(ProtocolViolation(f"{self.home.peer}: more than {MAX_HEADERS} headers"))

    def on_headers_complete(self) -> None:
        parser = self._parser
        fields = self._fields
        self._fields = []
        if self.received > MAX_HEADER_BYTES and sum(len(name) + len(value) + 4 for name, value in fields) > MAX_HEADER_BYTES:
            self._refuse(ProtocolViolation(f"{self.home.peer}: the head is longer than {MAX_HEADER_BYTES} bytes"))
        self.status = status = parser.get_status_code()
        if status < 200:
            self._check_interim(fields)
            return
        self.headers = fields
        self.keep = parser.should_keep_alive()
        if not self.keep:
            self._until_close = not any(name in FRAMING for name, _ in fields)
        self.head = True

    def on_body(self, data: bytes) -> None:
        self.chunks.append(data)
        self.size += len(data)

    def on_message_complete(self) -> None:
        if self.head:
            self.complete = True
            if self._fields:
                self._fields = []

    def _refuse(self, error: ProviderError) -> None:
        self.error = error
        raise error

    def _check_coding(self, name: bytes, value: bytes) -> None:
        """Only `transfer-encoding: chunked`, once, and no content coding: we ask for `identity`."""
        coding = value.strip().lower()
        if name == b"content-encoding":
            if coding not in {b"", b"identity"}:
                self._refuse(InvalidResponse(f"{self.home.peer}: content-encoding {coding[:20]!r}"))
        elif coding != b"chunked" or sum(field[0] == name for field in self._fields) > 1:
            self._refuse(ProtocolViolation(f"{self.home.peer}: transfer-encoding {coding[:20]!r}"))

    def _check_interim(self, fields: Headers) -> None:
        self._interim += 1
        if self._interim > MAX_INTERIM:
            self._refuse(ProtocolViolation(f"{self.home.peer}: more than {MAX_INTERIM} interim answers"))
        if self.status < 100 or self.status == 101 or any(name in FRAMING for name, _ in fields):
            self._refuse(ProtocolViolation(f"{self.home.peer}: interim answer {self.status}"))
