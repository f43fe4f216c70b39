"""Is an answer whose head and body are handed over together the same, byte for byte, as one in two steps? And is it one write?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway_project.http_protocol import GuardedHttpProtocol
from openai_api.http.outlet import JOINED

REQUEST = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
Messages = list[dict[str, Any]]
START, BODY = "http.response.start", "http.response.body"
SIZED = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
WHOLE: Messages = [{"type": START, "status": 200, "headers": SIZED, "body": b"hello"}]
STREAM: Messages = [
    {"type": START, "status": 200, "headers": [(b"content-type", b"text/plain")], "body": b"hello", "more_body": True},
    {"type": BODY, "body": b" there", "more_body": True},
    {"type": BODY, "body": b"", "more_body": True},
    {"type": BODY, "body": b"!" * 20, "more_body": True},
    {"type": BODY, "body": b""},
]
CLOSING: Messages = [{"type": START, "status": 503, "headers": [*SIZED, (b"connection", b"close")], "body": b"hello"}]
EMPTY: Messages = [{"type": START, "status": 200, "headers": [(b"content-length", b"0")], "body": b""}]


class Counting(GuardedHttpProtocol):
    """Counts what is written."""

    writes: list[bytes]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.writes.clear()
        write = transport.write

        class Watched:
            def __getattr__(self, name: str) -> Any:
                return getattr(transport, name)

            def write(self, data: bytes) -> None:
                Counting.writes.append(data)
                write(data)

        super().connection_made(Watched())  # type: ignore[arg-type]


Counting.writes = []


def apart(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same for a server without the extension."""
    out: Messages = []
    for message in messages:
        if message["type"] == START:
            out.append({name: message[name] for name in ("type", "status", "headers")})
            message = {"type": BODY, "body": message["body"], "more_body": message.get("more_body", False)}
        out.append(message)
    return out


async def answered(messages: Messages, sent: bytes, *, joined: bool) -> bytes:
    """All bytes that a client gets for these requests, each answered with the messages, until the server has said all."""
    offered: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        offered.append(JOINED in scope.get("extensions", ()))
        for message in messages if joined and offered[-1] else apart(messages):
            await send(message)

    config = Config(app, log_config=None, access_log=False, timeout_keep_alive=0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Counting(config, ServerState(), {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(sent)
    async with asyncio.timeout(5):
        got = await reader.read()
    writer.close()
    server.close()
    await server.wait_closed()
    return got


@pytest.mark.parametrize("messages", [WHOLE, STREAM, CLOSING, EMPTY], ids=["whole", "stream", "closing", "empty"])
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(REQUEST, id="kept alive"),
        pytest.param(REQUEST.replace(b"host", b"connection: close\r\nhost"), id="the last one"),
        pytest.param(REQUEST * 3, id="pipelined"),
        pytest.param(REQUEST.replace(b"1.1", b"1.0"), id="HTTP/1.0"),
        pytest.param(REQUEST.replace(b"POST", b"HEAD"), id="HEAD"),
        pytest.param(REQUEST.replace(b": 0\r\n", b": 2\r\nexpect: 100-continue\r\n"), id="waits for 100"),
    ],
)
async def test_answer_when_its_head_and_body_are_joined_then_the_bytes_are_those_of_two_steps(
    messages: Messages, sent: bytes
) -> None:
    joined, two_steps = await answered(messages, sent, joined=True), await answered(messages, sent, joined=False)
    assert joined == two_steps
    assert joined.startswith(b"HTTP/1.1 ")


async def test_answer_when_joined_then_written_once() -> None:
    await answered(WHOLE, REQUEST, joined=True)
    assert len(Counting.writes) == 1
    await answered(STREAM, REQUEST, joined=True)
    assert [data.count(b"hello") for data in Counting.writes] == [1, 0, 0, 0, 0]
    await answered(WHOLE, REQUEST, joined=False)
    assert len(Counting.writes) == 2


async def test_answer_when_a_header_value_holds_a_line_break_then_it_is_not_sent() -> None:
    split = [{**WHOLE[0], "headers": [*SIZED, (b"x-a", b"b\r\nset-cookie: c")]}]
    assert b"set-cookie" not in await answered(split, REQUEST, joined=True)


async def test_answer_when_the_client_has_left_then_nobody_minds() -> None:
    begun, left = asyncio.Event(), asyncio.Event()
    ended: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        await send(WHOLE[0])
        ended.append(True)
        left.set()

    config = Config(app, log_config=None, access_log=False)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Counting(config, ServerState(), {}), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(REQUEST)
    async with asyncio.timeout(5):
        await begun.wait()
        writer.close()
        await left.wait()
    assert (ended, Counting.writes) == ([True], [])
    server.close()
    await server.wait_closed()
