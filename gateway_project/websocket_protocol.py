"""What does uvicorn's WebSocket protocol lack? Refusals in JSON, bounds on frames, compression and clients that take nothing,
a drain, and silence about keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import SecurityError
from websockets.frames import CloseCode
from websockets.http11 import Request

from gateway_project.bounded_deflate import BoundedDeflateFactory
from gateway_project.frame_meter import FrameMeter
from gateway_project.stall_guard import StallGuard
from openai_api.errors import ApiError

PING_S = 20.0
"""How long a connection may be silent before it is asked whether its other end is there."""
FAREWELL_S = 1.0
"""How long the other end may take to close, once the server ends or has closed for a reason."""
MAX_EARLY_BYTES = 64 * 1024
"""Frames that may come before their handshake is answered, which no client should send."""
SWITCHING = 101
TOKENS = (b"sec-websocket-", b"connection", b"upgrade")
"""Headers of a handshake whose values are ASCII."""
VERSION = ((b"sec-websocket-version", b"13"),)
Headers = Iterable[tuple[bytes, bytes]]
log = logging.getLogger("gateway.websockets")
log.setLevel(logging.WARNING)  # at lower levels uvicorn tells every connection, with its query


def asks_for_websocket(headers: Headers) -> bool:
    """Whether one of the protocols that the client would like is WebSocket."""
    asked = [word.strip().lower() for name, value in headers if name == b"upgrade" for word in value.split(b",")]
    return b"websocket" in asked


class GuardedWebSocketProtocol(StallGuard, WebSocketsSansIOProtocol):
    """One connection. When the server ends, it is the application that closes it, after what it has in work.

    A client that sends more small frames than `FrameMeter` allows is closed with 1008, and so is one that does not finish a
    message within `GATEWAY_BODY_TIMEOUT_S`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = log
        self.conn.debug = False  # it would log headers and messages
        self.conn.available_extensions = [BoundedDeflateFactory()]
        self._meter = FrameMeter(self.loop.time())
        self._early = b""
        self._deaf = False
        self._message_timer: asyncio.TimerHandle | None = None

    def begin(self, url: bytes, headers: Headers, behind: bytes) -> None:
        """Takes the request that asks for the connection, and what came behind it. Raises `ApiError` if it cannot be taken."""
        lines = b"".join([b"%b: %b\r\n" % pair for pair in _checked(url, headers)])
        super().data_received(b"GET %b HTTP/1.1\r\n%b\r\n" % (url, lines))
        if not self.handshake_initiated:
            failure = self.conn.handshake_exc
            if failure is not None and isinstance(failure.__cause__, SecurityError):
                raise ApiError(
                    431, "headers_too_large", "WebSocket handshake has too many headers, or a header that is too long."
                )
            raise _invalid()
        if behind:
            self.data_received(behind)

    def handle_connect(self, event: Request) -> None:
        answer = self.conn.accept(event)
        if answer.status_code != SWITCHING:
            raise _invalid(answer.status_code)
        super().handle_connect(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_message_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if not self.handshake_complete:  # a pong must not come before the answer
            self._early += data
            self._deaf = len(self._early) > MAX_EARLY_BYTES
        elif self._meter.allows(data, self.loop.time()):
            super().data_received(data)
            self._watch_message()
        else:
            self._fail("too many small frames")

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # a refusal is complete too, which uvicorn would call an error
        elif self._early and self.handshake_complete:
            early, self._early = self._early, b""
            if self._deaf:
                self._fail("too many frames before the handshake was answered")
            else:
                self.data_received(early)

    def send_receive_event_to_app(self) -> None:
        """As uvicorn's, but that a text which is none is the client's fault, and not an error in the log."""
        data, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        try:
            known = {"text": data.decode()} if self.curr_msg_data_type == "text" else {"bytes": data}
        except UnicodeDecodeError:
            self.conn.fail(CloseCode.INVALID_DATA, "text is not UTF-8")
            self.handle_parser_exception()
            return
        self.queue.put_nowait({"type": "websocket.receive", **known})  # type: ignore[arg-type]
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_parser_exception(self) -> None:
        """The connection has failed. The other end may read why: closed at once, what it still sends would reset it."""
        closed = self.conn.close_sent
        assert closed is not None, "a failed connection has said so"  # noqa: S101
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._deaf = True
        self._stop_message_timer()
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(FAREWELL_S, self.transport.close)

    def shutdown(self) -> None:
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
        else:
            self.close_timeout = FAREWELL_S

    def _fail(self, reason: str) -> None:
        self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
        self.handle_parser_exception()

    def _watch_message(self) -> None:
        """A message that has begun must end; between messages a client may be silent."""
        begun = self.conn.cur_size is not None or bool(self.conn.reader.buffer)
        if not begun or self._deaf:
            self._stop_message_timer()
        elif self._message_timer is None:
            self._message_timer = self.loop.call_later(
                settings.GATEWAY_BODY_TIMEOUT_S, self._fail, "message not finished in time"
            )

    def _stop_message_timer(self) -> None:
        if self._message_timer is not None:
            self._message_timer.cancel()
            self._message_timer = None


def _checked(url: bytes, headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of a handshake without its length, which must be zero. Raises `ApiError`."""
    kept = []
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" \t0")):
            raise _invalid()
        if name.startswith(TOKENS) and not value.isascii():  # the library fails over what it would say of it
            raise _invalid()
        if name != b"content-length":
            kept.append((name, value))
    if not url.isascii():
        raise _invalid()
    return kept


def _invalid(status: int = 400) -> ApiError:
    """What was wrong is not said by its value: a protocol's name may be a key."""
    text = (
        "Invalid WebSocket handshake. Required: Upgrade: websocket, one Sec-WebSocket-Key (16 bytes in base64), "
        "Sec-WebSocket-Version: 13, tokens in Sec-WebSocket-Protocol, no body."
    )
    return ApiError(status, "invalid_handshake", text, headers=VERSION)
