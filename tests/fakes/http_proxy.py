"""What stands between a gateway and the world in many companies? An HTTP proxy that asks for a name and a password.

A server for `raw_upstream`: `received` of that is everything that the proxy could read.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from tests.fakes.raw_upstream import RawUpstream, Serve

REFUSAL = b'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="p"\r\ncontent-length: 0\r\n\r\n'
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


def http_proxy(login: str) -> Callable[[RawUpstream], Serve]:
    """Opens a tunnel for CONNECT, passes on the first of other requests, and refuses whoever has not this `user:password`."""
    wanted = b"basic " + base64.b64encode(login.encode())

    def make(proxy: RawUpstream) -> Serve:
        def serve(sock: socket.socket) -> None:
            data = b""
            while b"\r\n\r\n" not in data:
                if not (part := proxy.read(sock)):
                    return
                data += part
            line, *lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
            given = [
                value for name, _, value in (one.partition(b": ") for one in lines) if name.lower() == b"proxy-authorization"
            ]
            if [value.replace(b"Basic", b"basic") for value in given] != [wanted]:
                sock.sendall(REFUSAL)
                return
            address, first = next_hop(line, data)
            try:
                upstream = socket.create_connection(address, timeout=10)
            except OSError:
                sock.sendall(BAD_GATEWAY)
                return
            with upstream:
                if first:
                    upstream.sendall(first)
                else:
                    sock.sendall(OPEN)
                relay(proxy, sock, upstream)

        return serve

    return make


def next_hop(line: bytes, data: bytes) -> tuple[tuple[str, int], bytes]:
    """Where a request goes, and what is sent there at once; nothing for a tunnel."""
    method, target, version = line.decode().split(" ")
    url = urlsplit(f"//{target}" if method == "CONNECT" else target)
    assert url.hostname
    assert url.port
    head, _, body = data.partition(b"\r\n\r\n")
    kept = [one for one in head.split(b"\r\n")[1:] if not one.lower().startswith(b"proxy-")]
    path = f"{method} {target.partition(url.netloc)[2]} {version}".encode()
    return (url.hostname, url.port), b"" if method == "CONNECT" else b"\r\n".join([path, *kept]) + b"\r\n\r\n" + body


def relay(proxy: RawUpstream, sock: socket.socket, upstream: socket.socket) -> None:
    """Both ways, until one side ends."""

    def back() -> None:
        with suppress(OSError):
            while part := upstream.recv(65536):
                sock.sendall(part)
            sock.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    with suppress(OSError):
        while part := proxy.read(sock):
            upstream.sendall(part)
    with suppress(OSError):
        upstream.shutdown(socket.SHUT_RDWR)
    thread.join(10)
