"""When does a TCP connection notice that its other end has vanished without a word?"""

from __future__ import annotations

import socket

IDLE_S, INTERVAL_S, PROBES = 15, 5, 5
GONE_S = IDLE_S + INTERVAL_S * PROBES
"""After how many seconds of silence in which no probe was answered a connection ends."""


def watch(sock: socket.socket, unanswered_s: float = GONE_S) -> None:
    """Sends what is written at once, and ends the connection when its other end has not taken what was sent to it for
    `unanswered_s` seconds, or has not answered a probe for so long. Does what the system can.

    A peer that thinks answers probes, one that is gone does not. On Linux `TCP_USER_TIMEOUT` replaces the number of probes
    (tcp(7)): less than `GONE_S` would end a connection after fewer of them.
    """
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
