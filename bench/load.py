"""How is load made that costs little itself? Prepared bytes over kept-alive connections, answers only scanned for their end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

BODY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: the upstream itself, or the gateway in front of it."""

    port: int
    headers: tuple[str, ...] = ()

    def request(self, *, stream: bool) -> bytes:
        """One chat completion of about 1 KB, ready to be sent."""
        body = {"model": "bench", "stream": stream, "messages": [{"role": "user", "content": "x" * (BODY_BYTES - 90)}]}
        data = json.dumps(body, separators=(",", ":")).encode()
        lines = ["POST /v1/chat/completions HTTP/1.1", "host: bench", "content-type: application/json", *self.headers]
        return "\r\n".join([*lines, f"content-length: {len(data)}", "", ""]).encode() + data


class Connection(asyncio.Protocol):
    """One request at a time: `exchange` gives the seconds to the first byte of the body and to the end."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._done: asyncio.Future[tuple[float, float]] | None = None

    async def exchange(self, request: bytes) -> tuple[float, float]:
        self._received = b""
        self._first = 0.0
        self._done = asyncio.get_running_loop().create_future()
        self._began = perf_counter()
        self.transport.write(request)
        return await self._done

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or not body or self._done is None:
            return
        self._first = self._first or now - self._began
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(RuntimeError(self._received[:500].decode(errors="replace")))
        elif self._complete(head.lower(), body):
            self._done.set_result((self._first, now - self._began))
            self._done = None

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("the connection was closed"))

    def _fail(self, error: Exception) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        self._done = None

    @staticmethod
    def _complete(head: bytes, body: bytes) -> bool:
        if b"chunked" in head:
            return body.endswith(b"0\r\n\r\n")
        return len(body) >= int(head.partition(b"content-length:")[2].partition(b"\r")[0])


async def connect(target: Target) -> Connection:
    """A new connection."""
    return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", target.port))[1]


@dataclass(slots=True)
class Times:
    """Seconds to the first byte of the body and to the end, of every request."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def add(self, pair: tuple[float, float]) -> None:
        self.first.append(pair[0])
        self.whole.append(pair[1])


async def saturate(target: Target, *, connections: int, seconds: float, stream: bool = False) -> Times:
    """As many requests as get through, each connection sending its next one at once."""
    times, request, until = Times(), target.request(stream=stream), perf_counter() + seconds

    async def one() -> None:
        connection = await connect(target)
        while perf_counter() < until:
            times.add(await connection.exchange(request))
        connection.transport.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one())
    return times


async def paced(targets: list[Target], *, rate: float, seconds: float, stream: bool = False) -> list[Times]:
    """Requests at a constant rate, the targets in turn, so that the machine's noise falls on all alike."""
    times = [Times() for _ in targets]
    idle: list[list[Connection]] = [[] for _ in targets]
    requests = [target.request(stream=stream) for target in targets]

    async def one(number: int) -> None:
        connection = idle[number].pop() if idle[number] else await connect(targets[number])
        times[number].add(await connection.exchange(requests[number]))
        idle[number].append(connection)

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for count in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + count / rate - perf_counter()))
            group.create_task(one(count % len(targets)))
    for connection in (connection for some in idle for connection in some):
        connection.transport.close()
    return times


def percentile(values: list[float], share: float, unit: Callable[[float], float] = lambda value: value * 1000) -> float:
    """The value below which `share` of them lie, in milliseconds."""
    ordered = sorted(values)
    return unit(ordered[min(len(ordered) - 1, int(len(ordered) * share))])
