"""What holds for every connection of a client, as its socket tells?"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from django.conf import settings
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway_project.http_protocol import GuardedHttpProtocol
from tests.unit.providers.transport.scripted import until


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never asked."""


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
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == settings.GATEWAY_STALL_TIMEOUT_S * 1000 == 120_000
    writer.close()
    await until(lambda: not state.connections)
    server.close()
    await server.wait_closed()
