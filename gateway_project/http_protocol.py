"""What does uvicorn's HTTP protocol lack? Bounds on a request's head and on a client that takes nothing; upgrades that are
not taken and are no end of the parsing; answers to HTTP/1.0; errors in JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import httptools
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway_project.joined_start import JoinedSend
from gateway_project.lingering import Lingering
from gateway_project.stall_guard import StallGuard
from gateway_project.websocket_protocol import GuardedWebSocketProtocol, asks_for_websocket
from openai_api.errors import ApiError
from openai_api.http.disconnect import WATCHED, Gone
from openai_api.http.outlet import JOINED
from openai_api.http.receive import request_id_of
from openai_api.routes import TABLE
from providers.transport import sockets

MAX_HEAD_BYTES = 64 * 1024
READ_AHEAD = 16
"""Requests that may wait for the one before them until no more is read; while reading, one sees that the client leaves."""
HTTP_1_1 = "1.1"
UPGRADE = (b"upgrade",)
UPGRADE_AND_BODY = (*UPGRADE, b"content-length", b"transfer-encoding")
HEAD = b"content-length: %d\r\nconnection: close\r\n%b\r\n"


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
        self._message_ended = self._deaf = False
        self._timer: asyncio.TimerHandle | None = None
        self._asked: list[tuple[bytes, bytes]] = []
        self.url = b""  # what is no HTTP has none
        self._answering: RequestResponseCycle | None = None
        self._extensions: dict[str, Any] = {JOINED: {}, WATCHED: {"watch": self._watch}}
        self._gone: Gone | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sockets.watch(transport.get_extra_info("socket"), settings.GATEWAY_STALL_TIMEOUT_S)
        transport.set_write_buffer_limits(0)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        self._extensions = {}  # a circle of references
        if self._answering is not None:  # which is not the last one where requests wait
            self._disconnect(self._answering)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._message_ended = False
        self._parse(data)
        if self._in_head:
            self._bound_head(len(data))

    def _bound_head(self, received: int) -> None:
        """More of a head has come, but not all of it."""
        if self._deaf or self.transport.is_closing():
            return
        if not self._message_ended:  # else most of the data was other requests
            self._head_bytes += received
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(ApiError(431, "headers_too_large", f"Request headers exceed the {MAX_HEAD_BYTES}-byte limit."))
        elif self._timer is None:
            self._await_head()

    def _parse(self, data: bytes | memoryview) -> None:
        """Gives data to the parser, which stops behind the head of each request that asks for an upgrade."""
        while not self._deaf:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                data = memoryview(data)[stop.args[0] :]  # not copied: a packet may hold thousands of such heads
                self._on_upgrade(data)
            except httptools.HttpParserError:
                self._refuse(ApiError(400, "invalid_http", "Malformed HTTP request."))
            else:
                return

    # What the parser finds

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()
        self._asked = self.headers

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # the parser skips the body; `_on_upgrade` decides what the request is
        self._stop_timer()
        if self.expect_100_continue:
            self.expect_100_continue = self.parser.get_http_version() == HTTP_1_1  # older ones do not know the answer
        super().on_headers_complete()
        self._in_head = False
        self.headers = _Dropped()
        if 0 < len(self.pipeline) <= READ_AHEAD:
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        self._message_ended = True
        if self._in_head:
            return  # of a request that asks for an upgrade
        super().on_message_complete()
        if not self.cycle.keep_alive:
            self._linger()
        if self.cycle.response_complete:
            self._await_next()

    def _should_upgrade(self) -> bool:
        return False  # to uvicorn every request is a plain one

    def _on_upgrade(self, behind: memoryview) -> None:
        """The head of a request that asks for another protocol is complete.

        A WebSocket handshake is taken or refused, and ends the HTTP of this connection. Any other upgrade is ignored, as
        RFC 9110, 7.8 has it: a new parser reads the head without the field, and then the body.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._refuse(ApiError(405, "method_not_allowed", "Method CONNECT is not supported."))
            return
        asked = method == b"GET" and version == HTTP_1_1 and asks_for_websocket(self.headers)
        if asked and self._may_switch():
            self._switch(bytes(behind))
            return
        left_out = UPGRADE_AND_BODY if asked else UPGRADE
        headers = [(name, value) for name, value in self.headers if name not in left_out]
        lines = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._parse(b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version.encode(), lines))
        if asked:
            self._end_after_answer()  # a proxy may take what follows for frames

    def _may_switch(self) -> bool:
        """Whether all that was asked before has been answered, and the answers sent."""
        newest = self._newest()
        return (newest is None or newest.response_complete) and not self.flow.write_paused

    def _newest(self) -> RequestResponseCycle | None:
        return cast("RequestResponseCycle | None", self.cycle)

    def _switch(self, behind: bytes) -> None:
        """From here on the connection is a WebSocket's, unless its handshake is refused."""
        self._stop_timer()
        protocol = GuardedWebSocketProtocol(self.config, self.server_state, self.app_state)
        protocol.connection_made(self.transport)
        try:
            protocol.begin(self.url, self.headers, behind)
        except ApiError as error:
            self.connections.discard(protocol)
            self._refuse(error)
            return
        self._deaf = True
        self.connections.discard(self)
        self.flow.resume_reading()
        self.transport.set_protocol(protocol)

    # Answers

    def on_response_complete(self) -> None:
        """Its answer is sent. What is still to come of its body is awaited for a while, so that the client reads the answer."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._timer = self.loop.call_later(settings.GATEWAY_BODY_TIMEOUT_S, self.transport.close)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering, self._gone = cycle, None
        if cycle.waiting_for_100_continue or _is_old(cycle):
            super()._start_asgi_task(cycle, lambda scope, receive, send: app(scope, receive, _Careful(cycle, send, self._linger)))
        elif cycle.scope["method"] == "HEAD":
            super()._start_asgi_task(cycle, app)
        else:
            cycle.scope["extensions"] = self._extensions
            super()._start_asgi_task(cycle, lambda scope, receive, send: app(scope, receive, JoinedSend(cycle, send)))

    def _watch(self, gone: Gone | None) -> None:
        """See `WATCHED`. Meanwhile the connection is read, or nobody would see its end."""
        self._gone = gone
        self.flow.resume_reading()
        if gone is not None and self._answering is not None and self._answering.disconnected:
            gone()

    def _disconnect(self, cycle: RequestResponseCycle) -> None:
        """Tells the application that the client has left."""
        if cycle.response_complete:
            return
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle is self._answering and self._gone is not None:
            self._gone()

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(settings.GATEWAY_HEAD_TIMEOUT_S, self._head_is_late)

    def _await_next(self) -> None:
        """The rest of a body whose request was already answered has come: from here on the keep-alive time-out counts."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _head_is_late(self) -> None:
        self._refuse(ApiError(408, "request_timeout", "Timed out while reading the request headers."))

    def _end_after_answer(self) -> None:
        """The newest request is the last one: what follows it is not read."""
        self._hear_no_more()
        self.cycle.keep_alive = False

    def _hear_no_more(self) -> None:
        """What still comes is dropped."""
        self._deaf = True
        self._linger()

    def _linger(self) -> None:
        """The connection ends with the newest request, in halves: with a reset the answer could be cut."""
        if not isinstance(self.transport, Lingering):
            self.transport = cast("asyncio.Transport", Lingering(self.transport, self.loop, self._go_deaf))
        if self.cycle is not None:
            self.cycle.transport = self.transport

    def _go_deaf(self) -> None:
        self._deaf = True

    def _refuse(self, error: ApiError) -> None:
        """Answers the request that cannot be read, and ends the connection. Those before it get their answers; then it is too
        late for this one."""
        self._stop_timer()
        if self.pipeline and not self._in_head:  # its body is broken, and it waits behind others
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answering  # type: ignore[assignment]
            self._in_head = True
        self._hear_no_more()
        cycle = self._newest()
        if self._in_head and (cycle is None or cycle.response_complete):
            self._say(error)
        elif self._in_head:
            self.cycle.keep_alive = False
        elif self.cycle.response_started:
            self.transport.close()
        else:
            self._disconnect(self.cycle)  # the body is broken: its request is answered here and nowhere else
            self._say(error)

    def _say(self, error: ApiError) -> None:
        """Answers in the dialect of the path, as far as that has come."""
        dialect = TABLE.place(self.url.partition(b"?")[0].decode("latin-1")).dialect
        request_id = request_id_of(self._asked)
        body = dialect.error(error.failure(), request_id)
        headers = (*dialect.error_headers, *dialect.identify(request_id), *error.headers)
        lines = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        self.transport.write(STATUS_LINE[error.status] + HEAD % (len(body), lines) + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Careful:
    """An ASGI `send` for requests that uvicorn's own is not right for.

    A client of HTTP/1.0 knows no chunks: what has no length ends with the connection (RFC 9112, 6.1). One that waits for
    `100 Continue` and gets another answer sends its body or does not, so the connection ends (RFC 9110, 10.1.1).
    """

    def __init__(self, cycle: RequestResponseCycle, send: Callable[..., Awaitable[None]], linger: Callable[[], None]) -> None:
        self._cycle = cycle
        self._send = send
        self._linger = linger
        self._old = _is_old(cycle)
        self._unframed = False

    async def __call__(self, message: Mapping[str, Any]) -> None:
        cycle = self._cycle
        if message["type"] == "http.response.start":
            if self._old or (cycle.waiting_for_100_continue and cycle.more_body):
                cycle.keep_alive = False
                self._linger()
            if self._old and all(name.lower() != b"content-length" for name, _ in message["headers"]):
                self._unframed = True
                cycle.chunked_encoding = False
        elif self._unframed:
            cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)


def _is_old(cycle: RequestResponseCycle) -> bool:
    return cycle.scope["http_version"] != HTTP_1_1
