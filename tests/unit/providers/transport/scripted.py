"""How do we make an upstream that misbehaves? A server on loopback that runs a script for each connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType

from providers.transport import Head, Origin, UpstreamRequest, UpstreamStream
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.pool import PoolCounters
from providers.transport.slim import SlimTransport
from providers.types import Timeouts

PATIENCE = 5.0
"""Seconds after which a test is stuck."""

TICK = 0.002
"""Seconds by which a timer of an event loop may be early."""

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def until(condition: Callable[[], object]) -> None:
    """Returns as soon as the condition holds."""
    give_up = time.monotonic() + PATIENCE
    for _ in iter(lambda: time.monotonic() < give_up, False):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("waited in vain")


class Peer:
    """The server's end of one connection."""

    def __init__(self, server: ScriptedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer

    async def request(self) -> bytes:
        """The next request, as it came."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        request = head + await self._reader.readexactly(int(length.partition(b"\r\n")[0] or b"0"))
        self._server.requests.append(request)
        return request

    async def send(self, *pieces: bytes) -> None:
        """Sends each piece in a segment of its own."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0)

    async def answer(self, *pieces: bytes) -> None:
        """Waits for a request, then sends the pieces."""
        await self.request()
        await self.send(*pieces)

    async def gone(self) -> None:
        """Returns when the client has closed the connection."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass

    def finish(self) -> None:
        """Closes the connection in order."""
        self._writer.close()

    def half_close(self) -> None:
        """Says that nothing more will be sent, but stays."""
        self._writer.write_eof()

    def reset(self) -> None:
        """Closes the connection with a reset."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


def answering(*pieces: bytes) -> Script:
    """Answers every request on a connection with the same bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.answer(*pieces)

    return script


def once(*pieces: bytes, reset: bool = False) -> Script:
    """Answers one request, then closes the connection."""

    async def script(peer: Peer) -> None:
        await peer.answer(*pieces)
        if reset:
            peer.reset()

    return script


def hanging(*pieces: bytes) -> Script:
    """Answers one request with what may be half an answer, then waits for the client to go."""

    async def script(peer: Peer) -> None:
        await peer.answer(*pieces)
        await peer.gone()

    return script


class ScriptedServer:
    """Each connection runs the next script of the list, the last one for ever. What went wrong in a script is raised at
    the end, but for the client's going away."""

    def __init__(self, *scripts: Script, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._scripts = list(scripts)
        self._context = context
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._errors: list[Exception] = []
        self.requests: list[bytes] = []
        self.accepted = 0

    @property
    def open(self) -> int:
        """Connections whose script still runs."""
        return sum(not task.done() for task in self._tasks)

    async def settled(self) -> None:
        """Returns when no script runs any more."""
        await until(lambda: not self.open)

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._context)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await asyncio.sleep(0.001)  # for what is being accepted
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._errors:
            raise self._errors[0]

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.append(writer)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        self._tasks.add(asyncio.get_running_loop().create_task(self._run(script, reader, writer)))

    async def _run(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Peer(self, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception as error:  # noqa: BLE001
            if not writer.transport.is_closing():  # uvloop says so with a RuntimeError
                self._errors.append(error)
        writer.close()


def request_to(
    server: ScriptedServer,
    *,
    body: bytes = b"{}",
    method: str = "POST",
    path: str = "/v1/chat/completions",
    headers: Iterable[tuple[bytes, bytes]] = (),
    timeouts: Timeouts | None = None,
    scheme: str = "http",
    host: str = "127.0.0.1",
) -> UpstreamRequest:
    head = Head(method, Origin(scheme, host, server.port), path, (("accept-encoding", "identity"),))
    return UpstreamRequest(head, body, timeouts or Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE), tuple(headers))


async def read_on(stream: UpstreamStream, received: bytearray, *, extend: float = 0) -> None:
    """Reads to the end, or to the error."""
    while data := await stream.next():
        received += data
        if extend:
            stream.extend(extend)


async def read_all(stream: UpstreamStream) -> bytes:
    received = bytearray()
    await read_on(stream, received)
    return bytes(received)


def counters(transport: SlimTransport | HttpxTransport) -> PoolCounters:
    (only,) = transport.counters().values()
    return only
