"""Does a connection to an upstream notice that its other end has vanished, with either transport?"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

from providers.transport import Transport
from tests.unit.providers.transport.scripted import ScriptedServer, hanging, request_to, until

KEPT_ALIVE = {
    "TCP_NODELAY": 1,
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 5,
    "TCP_USER_TIMEOUT": 40_000,
}


def connected_to(port: int) -> list[socket.socket]:
    """This process's own sockets whose other end has that port."""
    numbers = [int(descriptor.name) for descriptor in Path("/proc/self/fd").iterdir()]
    copies = [socket.socket(fileno=os.dup(number)) for number in numbers if _is_socket(number)]
    found = [sock for sock in copies if _far_port(sock) == port]
    for sock in set(copies) - set(found):
        sock.close()
    return found


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:  # what listed the descriptors
        return False


def _far_port(sock: socket.socket) -> int:
    try:
        return int(sock.getpeername()[1]) if sock.family == socket.AF_INET else 0
    except OSError:
        return 0


async def test_connection_while_its_peer_thinks_is_probed_until_it_is_known_to_be_gone(transport: Transport) -> None:
    async with ScriptedServer(hanging()) as server:
        thinking = asyncio.ensure_future(transport.fetch(request_to(server)))
        await until(lambda: bool(server.requests))
        (sock,) = connected_to(server.port)
        with sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in KEPT_ALIVE} == KEPT_ALIVE
        thinking.cancel()
        await asyncio.wait([thinking])
