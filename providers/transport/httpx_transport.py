"""How does the second transport reach an upstream? Over httpx: the check on the slim one, and the way through proxies.

It is not made for speed: every request has a connection of its own, so that none is stale, none is left jammed by a
cancelled request, and the bytes after an answer reach nobody. Only who chose this transport should import this module,
because that loads httpx.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

import anyio
import httpx

from providers.errors import (
    AdapterFailed,
    AddressRefused,
    ConnectFailed,
    ConnectTimeout,
    DeadlineExceeded,
    FirstByteTimeout,
    IdleTimeout,
    ProtocolViolation,
    ProviderError,
    ResponseTooLarge,
    StreamTruncated,
    TotalTimeout,
    UpstreamReset,
)
from providers.transport import (
    MAX_REPLY_BYTES,
    Headers,
    Origin,
    UpstreamReply,
    UpstreamRequest,
    UpstreamStream,
    announced,
    sockets,
)
from providers.transport.dial import tls_context
from providers.transport.httpx_errors import breaks_protocol, explain, judge_head
from providers.transport.pool import PoolCounters
from providers.transport.reach import Reach
from providers.transport.signed import signed
from providers.types import Secret, Timeouts

GRACE = 0.05
"""Seconds for what has already arrived, when the reader comes back after the deadline."""

QUIET_LOGGERS = ("httpx", "httpcore")


class HttpxTransport:
    """`proxy` is the URL of an HTTP proxy, through which every upstream is asked; those that the environment names are not.
    `reach` says which addresses upstreams may have; behind a proxy that is the proxy's business."""

    def __init__(self, *, context: ssl.SSLContext | None = None, proxy: Secret | None = None, reach: Reach | None = None) -> None:
        for name in QUIET_LOGGERS:  # they write URLs and headers, which hold keys
            logging.getLogger(name).setLevel(logging.WARNING)
        context = context or tls_context()
        self._proxied = proxy is not None
        self._reach = None if proxy else reach or Reach()
        self._client = httpx.AsyncClient(
            verify=context,
            trust_env=False,
            proxy=_proxy(proxy, context) if proxy else None,
            timeout=httpx.Timeout(None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )
        self._closed = False
        self._active: Counter[Origin] = Counter()
        self._opened: Counter[Origin] = Counter()
        self._streams: set[HttpxStream] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def fetch(self, request: UpstreamRequest) -> UpstreamReply:
        """See `Transport.fetch`."""
        stream = await self._open(request)
        chunks: list[bytes] = []
        size = 0
        try:
            if announced(stream.headers) > MAX_REPLY_BYTES:
                raise ResponseTooLarge(f"{stream.peer}: the answer announces more than {MAX_REPLY_BYTES} bytes")
            stream.extend(request.timeouts.idle)
            while data := await stream.next():
                stream.extend(request.timeouts.idle)
                chunks.append(data)
                size += len(data)
                if size > MAX_REPLY_BYTES:
                    raise ResponseTooLarge(f"{stream.peer}: the answer is longer than {MAX_REPLY_BYTES} bytes")
        except StreamTruncated as error:
            raise UpstreamReset(error.detail) from error
        finally:
            stream.close()
        return UpstreamReply(stream.status, stream.headers, b"".join(chunks))

    async def stream(self, request: UpstreamRequest) -> UpstreamStream:
        """See `Transport.stream`."""
        return await self._open(request)

    def counters(self) -> dict[Origin, PoolCounters]:
        """Exchanges under way and connections opened, by origin; none is ever idle or stale."""
        return {origin: PoolCounters(self._active[origin], 0, opened, 0) for origin, opened in self._opened.items()}

    async def aclose(self) -> None:
        """Closes all connections; exchanges under way fail."""
        self._closed = True
        for stream in tuple(self._streams):
            stream.close()
        await asyncio.gather(*self._closing)
        await self._client.aclose()

    def forget(self, stream: HttpxStream) -> None:
        self._streams.discard(stream)
        self._active[stream.origin] -= 1

    def own(self, closing: Coroutine[Any, Any, None]) -> None:
        """Runs what closes something, also when the request that opened it is cancelled."""
        task = asyncio.get_running_loop().create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _open(self, request: UpstreamRequest) -> HttpxStream:
        if self._closed:
            raise AdapterFailed("the transport is closed")
        request = await signed(request)
        anyio.current_time()  # loads what httpcore needs for a connection, which the first request would pay from its time
        origin = request.head.origin
        peer = f"{origin.host}:{origin.port}"
        opening = Opening(origin, request.timeouts, self._reach)
        self._active[origin] += 1
        try:
            async with opening.timer:
                response = await self._client.send(_build(request, opening.trace), stream=True, follow_redirects=False)
        except BaseException as error:
            self._active[origin] -= 1
            for stream in opening.sockets:
                self.own(stream.aclose())
            if isinstance(error, TimeoutError):
                raise opening.late(f"{peer}: {opening.late.__doc__}") from error
            if isinstance(error, (httpx.HTTPError, httpx.InvalidURL)):
                raise explain(peer, error, origin.scheme) from error
            raise
        finally:
            self._opened[origin] += len(opening.sockets)
        stream = HttpxStream(self, origin, response, opening)
        self._streams.add(stream)
        if self._proxied and stream.status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
            stream.close()
            raise ConnectFailed(f"{peer}: the proxy requires a user name and password, or rejected those it was sent")
        return stream


class Opening:
    """Follows a request until its head: which time-out counts, which connection brings the answer, and which sockets httpcore
    would leave open if it were cancelled in the middle of a TLS handshake."""

    def __init__(self, origin: Origin, timeouts: Timeouts, reach: Reach | None) -> None:
        start = asyncio.get_running_loop().time()
        self.total = start + timeouts.total
        self.first_byte = min(start + timeouts.first_byte, self.total)
        self.timer = asyncio.timeout_at(min(start + timeouts.connect, self.first_byte))
        self.late: type[DeadlineExceeded] = ConnectTimeout
        self.sockets: list[Any] = []
        self._host = origin.host
        self._peer = f"{origin.host}:{origin.port}"
        self._reach = reach
        self._carrier: Any = None

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._carrier = info["return_value"]
            if name.endswith("connect_tcp.complete"):
                self.sockets.append(self._carrier)
                sockets.watch(self._carrier.get_extra_info("socket"))
                self._check_address(self._carrier.get_extra_info("server_addr"))
        elif name.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            judge_head(self._carrier, self._peer)
            self.late = TotalTimeout if self.first_byte == self.total else FirstByteTimeout
            self.timer.reschedule(self.first_byte)

    def _check_address(self, address: tuple[str, int] | None) -> None:
        """httpcore looks names up itself, so this is known when the connection is there, unless it is gone again; nothing
        has been sent yet."""
        if self._reach is not None and address is not None and self._reach.refuses(self._host, address[0]):
            raise AddressRefused(f"{self._host} resolves to {address[0]}")


class HttpxStream:
    """An answer whose head has arrived; see `UpstreamStream`."""

    __slots__ = (
        "_chunks",
        "_deadline",
        "_error",
        "_forgiven",
        "_late",
        "_response",
        "_total",
        "_transport",
        "headers",
        "origin",
        "peer",
        "status",
    )

    def __init__(self, transport: HttpxTransport, origin: Origin, response: httpx.Response, opening: Opening) -> None:
        self.status = response.status_code
        self.headers: Headers = [(name.lower(), value) for name, value in response.headers.raw]
        self.origin = origin
        self.peer = f"{origin.host}:{origin.port}"
        self._transport = transport
        self._response: httpx.Response | None = response
        self._chunks: AsyncIterator[bytes] = response.aiter_raw()
        self._deadline = opening.first_byte
        self._total = opening.total
        self._late: type[DeadlineExceeded] = FirstByteTimeout
        self._forgiven = False
        self._error: ProviderError | None = None

    async def next(self) -> bytes:
        """See `UpstreamStream.next`."""
        if self._response is None:
            if self._error is not None:
                raise self._error
            return b""
        self._forgive()
        deadline = min(self._deadline, self._total)
        try:
            async with asyncio.timeout_at(deadline):
                data = await anext(self._chunks, b"")
        except TimeoutError as error:
            late = TotalTimeout if deadline == self._total else self._late
            raise self._fail(late(f"{self.peer}: {late.__doc__}")) from error
        except httpx.HTTPError as error:
            broken = ProtocolViolation if breaks_protocol(error) else StreamTruncated
            raise self._fail(broken(f"{self.peer}: {error}")) from error
        except BaseException:
            self.close()
            raise
        if not data:
            self._end()
        return data

    def extend(self, seconds: float) -> None:
        """See `UpstreamStream.extend`."""
        self._late = IdleTimeout
        self._forgiven = False
        self._deadline = asyncio.get_running_loop().time() + seconds

    def close(self) -> None:
        """See `UpstreamStream.close`."""
        if self._response is not None:
            self._error = UpstreamReset(f"{self.peer}: the stream was closed before its end")
            self._end()

    def _forgive(self) -> None:
        """A reader that comes back after the deadline gets, once, what has arrived in the meantime."""
        now = asyncio.get_running_loop().time()
        if now > self._deadline and not self._forgiven:
            self._forgiven = True
            self._deadline = now + GRACE

    def _fail(self, error: ProviderError) -> ProviderError:
        self._error = error
        self._end()
        return error

    def _end(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            self._transport.forget(self)
            self._transport.own(response.aclose())


def _proxy(url: Secret, context: ssl.SSLContext) -> httpx.Proxy:
    """A proxy that is itself asked over TLS must prove who it is, as an upstream must."""
    address = httpx.URL(url.reveal())
    return httpx.Proxy(address, ssl_context=context if address.scheme == "https" else None)


def _build(request: UpstreamRequest, trace: Callable[[str, Mapping[str, Any]], Awaitable[None]]) -> httpx.Request:
    head = request.head
    scheme, host, port = head.origin
    path = head.path.encode("latin-1")
    url = httpx.URL(scheme=scheme, host=host, port=port, raw_path=path)
    if url.raw_path != path:
        raise AdapterFailed("the path is not percent-encoded")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers]
    return httpx.Request(
        head.method,
        url,
        headers=[*headers, *request.headers, (b"connection", b"close")],
        content=bytes(request.body),
        extensions={"trace": trace},
    )
