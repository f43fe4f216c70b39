"""Where does the server listen, and under which URL do programs on this machine reach it?"""

from __future__ import annotations

import ipaddress
import socket

ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
BACKLOG = 2048


def base_url(host: str, port: int) -> str:
    """The URL of the gateway without a path; an address that means "every interface" is shown as loopback."""
    shown = ANY.get(host) or (f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach an address or name. False for a name that does not resolve."""
    if host in ANY:
        return False
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in found)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `OSError` with the system's reason."""
    family, _, _, _, address = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]  # noqa: S104
    return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
