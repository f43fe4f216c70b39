"""Which upstream do the contract tests speak to? A tiny HTTP server on loopback that answers chat and keeps what it saw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

COMPLETION = (
    b'{"id":"c1","object":"chat.completion","model":"up","choices":[{"index":0,"message":{"content":"hi"}}],"extra":[1.50]}'
)
CHUNK = b'data: {"id":"c1","model":"up","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
STREAM = CHUNK * 3 + b"data: [DONE]\n\n"


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: dict[str, Any]


@dataclass
class Upstream:
    """`base` is its address. `status` is that of every answer; other than 200 it is an error object."""

    base: str = ""
    status: int = 200
    seen: list[Seen] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                seen = await _request(head, reader)
                self.seen.append(seen)
                writer.write(self._answer(bool(seen.body.get("stream"))))
                await writer.drain()
        finally:
            writer.close()

    def _answer(self, stream: bool) -> bytes:
        if self.status != 200:
            return _whole(self.status, b"application/json", b'{"error":{"message":"No.","type":"x","param":null,"code":null}}')
        if not stream:
            return _whole(200, b"application/json", COMPLETION)
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(STREAM[i : i + 50]), STREAM[i : i + 50]) for i in range(0, len(STREAM), 50))
        return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def _request(head: bytes, reader: asyncio.StreamReader) -> Seen:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    body = await reader.readexactly(int(dict(headers)["content-length"]))
    return Seen(method, path, headers, json.loads(body))


def _whole(status: int, kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (status, kind, len(body), body)


@asynccontextmanager
async def running() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with server:
        upstream.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base"
        yield upstream
