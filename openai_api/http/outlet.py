"""How does an answer reach a client of HTTP? As ASGI messages: a body with its length, or server-sent events as they come."""

from __future__ import annotations

from openai_api.context import Send
from openai_api.dialects.dialect import Dialect
from openai_api.errors import ApiError, Headers
from openai_api.http.pulse import PIECE, Pulse
from providers.bytes.sse import Frames
from providers.types import EVENT_STREAM

UNBUFFERED: Headers = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
"""What keeps proxies from holding a stream back."""


class HttpOutlet:
    """An `Outlet` over the `send` of an ASGI server. Errors, pings and what every head tells are the dialect's."""

    def __init__(self, send: Send, method: str, request_id: str, dialect: Dialect) -> None:
        self.finished = False
        self._send = send
        self._bodyless = method == "HEAD"
        self._request_id = request_id
        self._dialect = dialect
        self._pulse: Pulse | None = None

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        await self._head(status, (*headers, (b"content-length", b"%d" % len(body))))
        sent = len(body) if self._bodyless else 0
        while len(body) - sent > PIECE:
            await self._send({"type": "http.response.body", "body": body[sent : sent + PIECE], "more_body": True})
            sent += PIECE
        self.finished = True
        await self._send({"type": "http.response.body", "body": body[sent:]})

    async def error(self, error: ApiError, headers: Headers) -> None:
        body = self._dialect.error(error.failure(), self._request_id)
        await self.whole(error.status, (*self._dialect.error_headers, *error.headers, *headers), body)

    async def begin(self, headers: Headers, sound: bytes) -> None:
        await self._head(200, ((b"content-type", sound or EVENT_STREAM), *UNBUFFERED, *headers))
        self._pulse = Pulse(self._send, b"" if sound else self._dialect.ping)

    async def events(self, frames: Frames) -> None:
        assert self._pulse is not None, "a stream begins before its events"  # noqa: S101
        await self._pulse.send(b"".join(frames))

    async def end(self, frames: Frames) -> None:
        self.close()
        self.finished = True
        await self._send({"type": "http.response.body", "body": b"".join(frames)})

    def close(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()

    async def _head(self, status: int, headers: Headers) -> None:
        named = [*headers, *self._dialect.identify(self._request_id)]
        await self._send({"type": "http.response.start", "status": status, "headers": named})
