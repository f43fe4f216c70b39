"""How does a test speak to the gateway over a WebSocket? With the `websockets` package, a turn at a time."""

from __future__ import annotations

import json
import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openresponses_types.types as spec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import LiveGateway

ENDINGS = ("response.completed", "response.incomplete", "response.failed", "error")
TURN_WITHIN_S = 10.0


class Socket:
    """One connection to `/v1/responses`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def ask(self, model: str, **fields: Any) -> None:
        """Begins a turn."""
        self.say({"type": "response.create", "model": model, "input": "hi", **fields})

    def say(self, value: Any) -> None:
        self.connection.send(value if isinstance(value, str | bytes) else json.dumps(value))

    def event(self) -> dict[str, Any]:
        """The next event, which is one JSON object."""
        text = self.connection.recv(timeout=TURN_WITHIN_S)
        assert isinstance(text, str), "a binary message"
        found: dict[str, Any] = json.loads(text)
        return found

    def events(self) -> list[dict[str, Any]]:
        """What is told up to the end of a turn."""
        told = [self.event()]
        while told[-1]["type"] not in ENDINGS:
            told.append(self.event())
        return told

    def turn(self, model: str, **fields: Any) -> list[dict[str, Any]]:
        """All events of one turn."""
        self.ask(model, **fields)
        return self.events()

    def response(self, model: str, **fields: Any) -> dict[str, Any]:
        """The response of a turn that must succeed."""
        last = self.turn(model, **fields)[-1]
        assert last["type"] == "response.completed", last
        found: dict[str, Any] = last["response"]
        return found

    def error(self) -> tuple[int, dict[str, Any]]:
        """The next event, which must be an error as the specification has it: its status, and OpenAI's error object."""
        event = self.event()
        spec.WebSocketErrorEvent.model_validate(event)
        assert set(event) - {"stream_id"} == {"type", "status", "error"}, event
        assert set(event["error"]) == {"message", "type", "param", "code"}
        return event["status"], event["error"]

    def closed(self, within_s: float = TURN_WITHIN_S) -> int:
        """The code with which the server closes the connection, which it must do now, without another word."""
        try:
            text = self.connection.recv(timeout=within_s)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006
        raise AssertionError(text)


def url_of(gateway: LiveGateway, path: str = "/v1/responses") -> str:
    return gateway.base_url.replace("http", "ws", 1) + path


@contextmanager
def dial(gateway: LiveGateway, key: str | None = None, **options: Any) -> Iterator[Socket]:
    """A connection; it is closed in the end."""
    options = {"additional_headers": gateway.headers(key), "path": "/v1/responses", "compression": None, **options}
    url = url_of(gateway, options.pop("path"))
    connection = connect(url, proxy=None, max_size=None, **options)
    with connection:
        yield Socket(connection)


def raw(gateway: LiveGateway) -> sockets.socket:
    """A connection after its handshake, of which nothing more is read."""
    host, _, port = gateway.base_url.removeprefix("http://").rpartition(":")
    sock = sockets.socket()
    sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    sock.settimeout(5)
    sock.connect((host, int(port)))
    lines = ["GET /v1/responses HTTP/1.1", "host: x", "connection: Upgrade", "upgrade: websocket", f"x-api-key: {gateway.key}",
             "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    assert sock.recv(2000).startswith(b"HTTP/1.1 101 ")
    return sock


def say(sock: sockets.socket, text: bytes) -> None:
    """One frame with a mask of zeros."""
    sock.sendall(bytes([0x81, 0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text)
