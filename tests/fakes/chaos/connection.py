"""How does one client connection live? Requests are read one after another; its end stops what is being answered."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import cast

from tests.fakes.chaos.http import BadRequest, Request, message, parse

Answer = Callable[["Connection", Request], Awaitable[bool]]

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """`answer` is awaited for every request and says whether the connection is kept; it is cancelled when the client goes.

    `requests` counts what came before the current request, `busy` says whether one is being answered.
    """

    def __init__(self, answer: Answer, connections: set[Connection]) -> None:
        self.requests = 0
        self.busy = False
        self.ours = False
        self._answer = answer
        self._connections = connections
        self._buffer = bytearray()
        self._more = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def send(self, data: bytes) -> None:
        """Writes, and waits while the client does not read."""
        self._transport.write(data)
        await self._writable.wait()
        if self._transport.is_closing():
            await asyncio.sleep(0)  # so that who writes for ever is told of the end

    def reset(self) -> None:
        """Ends the connection with a TCP RST; what was not sent yet is lost."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()

    def finish(self) -> None:
        """Ends the connection with a TCP FIN, after what was written."""
        self._transport.close()

    async def _serve(self) -> None:
        try:
            while await self._answer_one():
                pass
        except BadRequest:
            self._transport.write(message(400, b"{}"))
        except asyncio.CancelledError:
            return
        self.finish()

    async def _answer_one(self) -> bool:
        while (request := parse(self._buffer)) is None:
            self._more.clear()
            await self._more.wait()
        self.busy = True
        kept = await self._answer(self, request)
        self.busy = False
        self.requests += 1
        return kept and request.keep_alive
