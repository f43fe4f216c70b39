"""What does uvicorn's HTTP protocol lack? Bounds on a request's head and on a client that takes nothing; errors in JSON."""

from __future__ import annotations

import asyncio
import os
from typing import Any, cast

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway_project.stall_guard import StallGuard
from openai_api.errors import ApiError
from providers.transport import sockets

MAX_HEAD_BYTES = 64 * 1024
HEAD = b"content-type: application/json\r\ncontent-length: %d\r\nx-request-id: %s\r\nconnection: close\r\n\r\n"


class _Dropped(list[tuple[bytes, bytes]]):
    """Where the parser puts trailers, which it takes for headers: nowhere."""

    def append(self, pair: tuple[bytes, bytes]) -> None:
        pass


class GuardedHttpProtocol(StallGuard, HttpToolsProtocol):
    """One connection. A head must come within `GATEWAY_HEAD_TIMEOUT_S` and `MAX_HEAD_BYTES`; between requests the
    keep-alive time-out counts instead. No more is taken from the application while something waits to be sent, and a client
    that takes nothing of it for `GATEWAY_STALL_TIMEOUT_S` is cut.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._message_ended = self._upgrades = False
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sockets.watch(transport.get_extra_info("socket"), settings.GATEWAY_STALL_TIMEOUT_S)
        transport.set_write_buffer_limits(0)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._message_ended = False
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if not self._message_ended:  # else most of the data was other requests
                self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(ApiError(431, "headers_too_large", "The request's head is too large."))
            elif self._head_timer is None:
                self._await_head()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        self._upgrades = self.parser.should_upgrade() and self._may_upgrade()
        super().on_headers_complete()
        self.headers = _Dropped()

    def on_message_complete(self) -> None:
        self._message_ended = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser refused."""
        self._refuse(ApiError(400, "invalid_http", "The request is not valid HTTP."))

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def _may_upgrade(self) -> bool:
        """Whether a WebSocket begins here: asked for with GET, and no answer before it is still to be sent."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        free = cycle is None or cycle.response_complete
        return free and self.parser.get_method() == b"GET" and super()._should_upgrade()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(settings.GATEWAY_HEAD_TIMEOUT_S, self._head_is_late)

    def _head_is_late(self) -> None:
        self._refuse(ApiError(408, "request_timeout", "The request's head did not arrive in time."))

    def _refuse(self, error: ApiError) -> None:
        self._stop_timer()
        if self._may_answer():
            body = error.body()
            head = HEAD % (len(body), os.urandom(16).hex().encode())
            self.transport.write(STATUS_LINE[error.status] + head + body)
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether the next answer on this connection is that of the bad request, and not that of one before it."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            return True
        if self._in_head or cycle.response_started:
            return False
        cycle.disconnected = True  # the body is broken: its request is answered here and nowhere else
        cycle.message_event.set()
        return True

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
