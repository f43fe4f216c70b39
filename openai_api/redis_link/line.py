"""What is sent and received over one connection to Redis? Commands as they come, and their answers in the same order (RESP2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import hiredis

Late = Callable[[Any], None]
"""Is told an answer that came when nobody waited for it any more."""


class Line(asyncio.Protocol):
    """A connection. `lost` is done with the reason once nothing more is asked, `closed` once nothing more is heard.

    A line that did not answer in time is lost, but still listened to: what was asked may have been done all the same.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[asyncio.Future[Any], Late | None]] = deque()
        self._reader = hiredis.Reader()
        self._transport = transport
        self.lost: asyncio.Future[Exception] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        transport.set_protocol(self)

    async def ask(self, words: Sequence[str | bytes], within_s: float, late: Late | None = None) -> Any:
        """The answer to a command, or the error in its place."""
        if not self.open():
            return self.lost.result()
        return await self.sent(words, within_s, late)

    def open(self) -> bool:
        """Whether something may be sent."""
        if not self.lost.done() and self._transport.is_closing():  # uvloop refuses to write from then on, and says so a bit later
            self.lose(ConnectionResetError("the connection is closed"))
        return not self.lost.done()

    def sent(self, words: Sequence[str | bytes], within_s: float, late: Late | None = None) -> asyncio.Future[Any]:
        """What will be the answer to a command, or the error in its place."""
        told: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((told, late))
        self._transport.write(_packed(words))
        timer = self._loop.call_later(within_s, _in_vain, told)
        told.add_done_callback(lambda _: timer.cancel())
        return told

    def lose(self, error: Exception) -> None:
        """Asks nothing more; all that wait have the error in place of their answers."""
        if not self.lost.done():
            self.lost.set_result(error)
        for told, _ in self._waiting:
            if not told.done():
                told.set_result(error)
        if not isinstance(error, TimeoutError):
            self._waiting.clear()
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        with suppress(IndexError):  # what nobody has asked for
            try:
                while (said := self._reader.gets()) is not False:
                    told, late = self._waiting.popleft()
                    if not told.done():
                        told.set_result(said)
                    elif late is not None:
                        late(said)
            except hiredis.ProtocolError as error:
                self.lose(error)
        if self.lost.done() and not self._waiting:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.lose(error or ConnectionResetError("the server has closed the connection"))
        if not self.closed.done():
            self.closed.set_result(None)


def _in_vain(told: asyncio.Future[Any]) -> None:
    if not told.done():
        told.set_result(TimeoutError("no answer in time"))


def _packed(words: Sequence[str | bytes]) -> bytes:
    """A command, as an array of strings."""
    texts = [word for word in words if isinstance(word, str)]
    if len(texts) < len(words):
        parts = [word if isinstance(word, bytes) else word.encode() for word in words]
        return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
    told = "".join([f"${len(word if word.isascii() else word.encode())}\r\n{word}\r\n" for word in texts])
    return f"*{len(texts)}\r\n{told}".encode()
