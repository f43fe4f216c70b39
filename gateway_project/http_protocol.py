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
READ_AHEAD = 16
"""Requests that may wait for the one before them until no more is read; while reading, one sees that the client leaves."""
HEAD = b"content-type: application/json\r\ncontent-length: %d\r\nx-request-id: %s\r\nconnection: close\r\n\r\n"


class _Dropped(list[tuple[bytes, bytes]]):
    """Where the parser puts trailers, which it takes for headers: nowhere."""

    def append(self, pair: tuple[bytes, bytes]) -> None:
        pass


class GuardedHttpProtocol(StallGuard, HttpToolsProtocol):
    """One connection. A head must come within `GATEWAY_HEAD_TIMEOUT_S` and `MAX_HEAD_BYTES`; between requests the
    keep-alive time-out counts instead. The rest of a body whose request was answered before its end may take
    `GATEWAY_BODY_TIMEOUT_S`. No more is taken from the application while something waits to be sent, and a client that takes
    nothing of it for `GATEWAY_STALL_TIMEOUT_S` is cut.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._message_ended = self._upgrades = False
        self._timer: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sockets.watch(transport.get_extra_info("socket"), settings.GATEWAY_STALL_TIMEOUT_S)
        transport.set_write_buffer_limits(0)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        if self._answering is not None:  # which is not the last one where requests wait
            _disconnect(self._answering)

    def data_received(self, data: bytes) -> None:
        self._message_ended = False
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if not self._message_ended:  # else most of the data was other requests
                self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(ApiError(431, "headers_too_large", "The request's head is too large."))
            elif self._timer is None:
                self._await_head()

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        self._upgrades = self.parser.should_upgrade() and self._may_upgrade()
        super().on_headers_complete()
        self.headers = _Dropped()
        if 0 < len(self.pipeline) <= READ_AHEAD:
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        self._message_ended = True
        super().on_message_complete()
        if not self._upgrades and self.cycle.response_complete:
            self._await_next()

    def on_response_complete(self) -> None:
        """Its answer is sent. What is still to come of its body is awaited for a while, so that the client reads the answer."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._timer = self.loop.call_later(settings.GATEWAY_BODY_TIMEOUT_S, self.transport.close)

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
        self._timer = self.loop.call_later(settings.GATEWAY_HEAD_TIMEOUT_S, self._head_is_late)

    def _await_next(self) -> None:
        """The last of a body that nobody waited for: from here on the keep-alive time-out counts, as after an answer."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

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
        _disconnect(cycle)  # the body is broken: its request is answered here and nowhere else
        return True

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tells the application that the client has left."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()
