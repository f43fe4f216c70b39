"""How does an answer reach a client of HTTP? As ASGI messages: a body with its length, or server-sent events as they come."""

from __future__ import annotations

from typing import Any

from openai_api.context import Send
from openai_api.dialects.dialect import Dialect
from openai_api.errors import ApiError, Headers
from openai_api.http.pulse import Pulse
from providers.bytes.sse import Frames
from providers.types import EVENT_STREAM

UNBUFFERED: Headers = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
"""What keeps proxies from holding a stream back."""
PIECE = 1024 * 1024
"""How many bytes the server is given at a time: while the client takes them, others are served."""
JOINED = "signalbox.http.response.start.body"
"""An extension of ASGI: a `http.response.start` may have `body` and `more_body`, and they go out in one piece."""


class HttpOutlet:
    """An `Outlet` over the `send` of an ASGI server. Errors, pings and what every head tells are the dialect's; `joins` says
    that the server has the extension `JOINED`."""

    def __init__(self, send: Send, method: str, request_id: str, dialect: Dialect, *, joins: bool = False) -> None:
        self.finished = False
        self._send = send
        self._bodyless = method == "HEAD"
        self._joins = joins and not self._bodyless
        self._request_id = request_id
        self._dialect = dialect
        self._pulse: Pulse | None = None

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        head = self._head(status, (*headers, (b"content-length", b"%d" % len(body))))
        if self._joins and len(body) <= PIECE:
            self.finished = True
            await self._send({**head, "body": body})
            return
        body = b"" if self._bodyless else body
        last = max(0, len(body) - 1) // PIECE * PIECE
        await self._send(head)
        await self._pieces(body, last)
        self.finished = True
        await self._send({"type": "http.response.body", "body": body[last:]})

    async def error(self, error: ApiError, headers: Headers) -> None:
        body = self._dialect.error(error.failure(), self._request_id)
        await self.whole(error.status, (*self._dialect.error_headers, *error.headers, *headers), body)

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        head = self._head(200, ((b"content-type", content_type), *UNBUFFERED, *headers))
        data = _joined(first)
        joined = self._joins and 0 < len(data) <= PIECE
        await self._send({**head, "body": data, "more_body": True} if joined else head)
        if self._dialect.ping and content_type == EVENT_STREAM:
            self._pulse = Pulse(self._ping)
        if data and not joined:
            await self.events([data])

    async def events(self, frames: Frames) -> None:
        data, pulse = _joined(frames), self._pulse
        if pulse is not None:
            pulse.begin()
        if len(data) <= PIECE:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        else:
            await self._pieces(data, len(data))
        if pulse is not None:
            pulse.end()

    async def end(self, frames: Frames) -> None:
        self.close()
        self.finished = True
        await self._send({"type": "http.response.body", "body": b"".join(frames)})

    def close(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()

    async def _pieces(self, data: bytes, stop: int) -> None:
        for start in range(0, stop, PIECE):
            await self._send({"type": "http.response.body", "body": data[start : start + PIECE], "more_body": True})

    async def _ping(self) -> None:
        await self._send({"type": "http.response.body", "body": self._dialect.ping, "more_body": True})

    def _head(self, status: int, headers: Headers) -> dict[str, Any]:
        identified = [*headers, *self._dialect.identify(self._request_id)]
        return {"type": "http.response.start", "status": status, "headers": identified}


def _joined(frames: Frames) -> bytes:
    """The frames in one piece. The list is emptied: while a client does not read, what waits for it is held once, not twice."""
    data = b"".join(frames)
    frames.clear()
    return data
