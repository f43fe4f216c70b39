"""How does one connection carry one exchange after another?

It is idle (`complete`, and known to its pool), in an exchange, or `closed`. Who waits for it waits for the future that
`send` or `wait` gave, and looks at the attributes of the answer when that is done.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterator
from math import inf
from time import monotonic
from typing import Protocol, cast

from providers.errors import (
    AdapterFailed,
    DeadlineExceeded,
    FirstByteTimeout,
    IdleTimeout,
    ProviderError,
    StreamTruncated,
    TotalTimeout,
    UpstreamReset,
)
from providers.transport import UpstreamRequest, sockets
from providers.transport.answer import Answer
from providers.transport.request import LARGE_BODY, pieces_of, render, render_head
from providers.transport.sweep import Sweep

READ_BYTES = 64 * 1024
"""Bytes that are read at once. An event loop by itself reads up to 256 KiB, which wait in three copies for a slow client."""

HIGH_WATER = 32 * 1024
"""Bytes of a stream that may wait for their reader before reading pauses; at most one read more is kept."""


class Home(Protocol):
    """The pool of a connection: takes it back after an exchange, and is told when it cannot be used any more and when it
    has ended."""

    def release(self, connection: Connection) -> None: ...
    def unusable(self, connection: Connection) -> None: ...
    def lost(self) -> None: ...


class Connection(Answer, asyncio.BufferedProtocol):
    """All connections of a transport read into the same `scratch`: it is used up before the event loop reads again."""

    __slots__ = (
        "_entered",
        "_full",
        "_idle",
        "_large",
        "_late",
        "_loop",
        "_overdue",
        "_paused",
        "_scratch",
        "_sweep",
        "_total",
        "_transport",
        "_unsent",
        "_waiter",
        "closed",
        "deadline",
        "home",
        "readable",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, home: Home, sweep: Sweep, scratch: memoryview, peer: str) -> None:
        super().__init__(peer)
        self._loop = loop
        self._scratch = scratch
        self._sweep = sweep
        self._waiter: asyncio.Future[None] | None = None
        self.home = home
        self.deadline = inf
        self.closed = self._entered = self._full = False
        self._unsent: Iterator[bytes | memoryview] | None = None

    def enter(self) -> None:
        """Counts from now on: an event loop need not tell of the end of a connection whose opening was cancelled."""
        self._entered = True
        self._sweep.enter(self)

    # -- what the transport calls ---------------------------------------------------------------------------------

    def send(self, request: UpstreamRequest, whole: bool, deadline: float, total: float) -> asyncio.Future[None]:
        """Begins an exchange. The future is done when the head (with `whole`: all of the answer) or an error is there.

        `deadline` and `total` are in monotonic seconds.
        """
        self.begin(whole)
        self._overdue = self._paused = False
        self._late: type[DeadlineExceeded] = FirstByteTimeout
        self._idle = request.timeouts.idle
        self._total = total
        self.deadline = deadline
        if deadline < self._sweep.wake:
            self._sweep.arm(deadline)
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiter = waiter
        self._large = len(request.body) > LARGE_BODY
        if self._large:
            self._transport.write(render_head(request))
            self._unsent = pieces_of(request)
            self._write_on()
        else:
            self._transport.write(render(request))
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
        """See `Answer.take`. Reads on, if reading was paused."""
        if self._paused:
            self._paused = False
            if not self.closed:
                self._expect(monotonic() + self._idle)
                self._transport.resume_reading()
        return Answer.take(self)

    def extend(self, seconds: float) -> None:
        """Moves the deadline of the next bytes to `seconds` from now, or from when reading is resumed."""
        self._late = IdleTimeout
        self._overdue = False
        self._idle = seconds
        if not self._paused and not self.closed:
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
        unsent = self._large and (self._unsent is not None or self._transport.get_write_buffer_size())
        return self.complete and self.keep and not unsent

    # -- what the sweep calls -------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """A stream whose reader is elsewhere gets its time-out when it comes back and finds nothing."""
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
        return error(f"{self.peer}: {error.__doc__}")

    def _expect(self, deadline: float) -> None:
        self.deadline = deadline = min(deadline, self._total)
        if deadline < self._sweep.wake:
            self._sweep.arm(deadline)

    # -- what the event loop calls --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        raw = transport.get_extra_info("socket")
        sockets.watch(raw)
        poll = select.poll()
        poll.register(raw.fileno(), select.POLLIN)
        self.readable = poll.poll

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._scratch

    def buffer_updated(self, nbytes: int) -> None:
        self.feed(self._scratch[:nbytes])
        if self.error is not None:
            self.fail(self.error)
        elif self.complete:
            self._wake()
        elif self.head:
            self._go_on()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._write_on()

    def _write_on(self) -> None:
        """Writes of a large body as much as the connection takes."""
        while self._unsent is not None and not self._full:
            try:
                piece = next(self._unsent, None)
            except (OSError, ValueError) as error:  # the disk fails, or the form is closed already
                self.fail(AdapterFailed(f"{self.peer}: the body cannot be read: {error}"))
                return
            if piece is None:
                self._unsent = None
            else:
                self._transport.write(piece)

    def eof_received(self) -> None:
        self._end(None)
        self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._unsent = None
        self.deadline = inf
        if self._entered:
            self._sweep.leave(self)
            self.home.unusable(self)
            self.home.lost()
        self._end(error)
        self.drop_parser()

    def _go_on(self) -> None:
        """The head and perhaps some content are there, but not the end."""
        if self.whole:
            self._late = IdleTimeout
            self._expect(monotonic() + self._idle)
            return
        self._wake()
        if self.size > HIGH_WATER and not self._paused:
            self._paused = True
            self._idle = max(0.0, self.deadline - monotonic())  # while we do not read, the upstream's time stands still
            self.deadline = self._total
            self._transport.pause_reading()

    def _end(self, error: Exception | None) -> None:
        self.keep = False
        if not self.complete and self.error is None:
            if self.head and self.until_close and error is None:
                self.complete = True
            else:
                kind = StreamTruncated if self.head and not self.whole else UpstreamReset
                self.error = kind(f"{self.peer}: the connection broke after {self.received} bytes: {error or 'end of file'}")
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
