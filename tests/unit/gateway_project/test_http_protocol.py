"""What holds for every connection of a client, as its socket tells, and how long is it kept?"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway_project.http_protocol import GuardedHttpProtocol
from tests.unit.providers.transport.scripted import until


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never asked."""


async def fine(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize("lines", [b"", b"connection: upgrade\r\nupgrade: h2c\r\n", b"content-length: 2\r\n"])
async def test_connection_when_only_line_breaks_come_between_requests_then_ends_with_the_keep_alive_time_out(
    lines: bytes,
) -> None:
    config = Config(fine, log_config=None, timeout_keep_alive=1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: GuardedHttpProtocol(config, ServerState(), {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"POST /livez HTTP/1.1\r\nhost: x\r\n" + lines + b"\r\n")
    ended = asyncio.create_task(reader.read())
    async with asyncio.timeout(5):
        while not ended.done():
            writer.write(b"\r\n")
            await asyncio.wait([ended], timeout=0.1)
    assert ended.result().count(b"HTTP/1.1 200 OK") == 1
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def test_socket_of_a_client_when_it_is_connected_then_sends_at_once_and_notices_a_vanished_peer() -> None:
    state = ServerState()
    config = Config(nothing, log_config=None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: GuardedHttpProtocol(config, state, {}), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await until(lambda: state.connections)
    (connection,) = state.connections
    raw = connection.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 5
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == settings.GATEWAY_STALL_TIMEOUT_S * 1000 == 120_000
    writer.close()
    await until(lambda: not state.connections)
    server.close()
    await server.wait_closed()
