"""When does a TCP connection notice that its other end has vanished without a word?"""

from __future__ import annotations

import socket

IDLE_S, INTERVAL_S, PROBES = 15, 5, 3


def watch(sock: socket.socket, unanswered_s: float) -> None:
    """Sends what is written at once, and ends the connection when its other end has not answered for half a minute, or
    has not taken what was sent to it for `unanswered_s` seconds. Does what the system can."""
    for level, name, value in (
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", IDLE_S),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", INTERVAL_S),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", max(1, round(unanswered_s * 1000))),
    ):
        if hasattr(socket, name):
            sock.setsockopt(level, getattr(socket, name), value)
