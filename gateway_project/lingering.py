"""How does a connection end whose client still sends? In halves, as nginx's `lingering_close` does it.

To close a socket with unread data, or one to which data still comes, sends a reset, and a reset takes with it what of the answer
is still on its way (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

LINGER_S = 2.0
"""Is what the client may take to read the answer and to end its half."""


class Lingering:
    """A transport that is closed in halves: first ours, behind all that was written, and the other when the client ends it, or
    after `LINGER_S`, or when it is closed again. What still comes after `begin` was called is to be dropped."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, begin: Callable[[], None]) -> None:
        self._transport = transport
        self._loop = loop
        self._begin = begin
        self._half_closed = False

    def close(self) -> None:
        if self._half_closed or self._transport.is_closing() or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._half_closed = True
        self._begin()
        self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_S, self._end)

    def _end(self) -> None:
        """A client that reads slowly has its time from when all is sent; one that takes nothing is cut by the guard of stalls."""
        if self._transport.get_write_buffer_size() and not self._transport.is_closing():
            self._loop.call_later(LINGER_S, self._end)
        else:
            self._transport.close()

    def is_closing(self) -> bool:
        return self._half_closed or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
