"""How does the data path reach an upstream? A small HTTP/1.1 client: pooled connections, no task and no timer a request."""

from __future__ import annotations

import ssl
from time import monotonic

from providers.errors import AdapterFailed, ProviderError, UpstreamReset
from providers.transport import Headers, Origin, UpstreamReply, UpstreamRequest, UpstreamStream
from providers.transport.connection import READ_BYTES, Connection
from providers.transport.dial import Dialer, Resolve, system_resolve, tls_context
from providers.transport.pool import Pool, PoolCounters
from providers.transport.reach import Reach
from providers.transport.signed import signed
from providers.transport.sweep import Sweep

CLOSED = "the transport is closed"
STALE_WITHIN_S = 1.0
"""A kept connection that the peer has closed is noticed within a round trip. If it breaks later, the upstream may have processed
the request, and only the router may decide to send it again."""


class SlimTransport:
    """The default transport. Belongs to the event loop of its first request.

    `keep_seconds` is how long an unused connection is kept. `context` replaces the TLS settings, `resolve` the name
    service, `reach` says which addresses upstreams may have.
    """

    def __init__(
        self,
        *,
        keep_seconds: float = 50.0,
        context: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
        reach: Reach | None = None,
    ) -> None:
        self._dialer = Dialer(context or tls_context(), resolve, reach)
        self._keep_seconds = keep_seconds
        self._sweep = Sweep()
        self._scratch = memoryview(bytearray(READ_BYTES))
        self._pools: dict[Origin, Pool] = {}
        self._closed = False

    async def fetch(self, request: UpstreamRequest) -> UpstreamReply:
        """See `Transport.fetch`."""
        connection = await self._exchange(request, True)
        chunks, connection.chunks = connection.chunks, []
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        reply = UpstreamReply(connection.status, connection.headers, body)
        connection.home.release(connection)
        return reply

    async def stream(self, request: UpstreamRequest) -> UpstreamStream:
        """See `Transport.stream`."""
        return SlimStream(await self._exchange(request, False))

    def counters(self) -> dict[Origin, PoolCounters]:
        """What the pools hold and have done, by origin."""
        return {origin: pool.counters() for origin, pool in self._pools.items()}

    async def aclose(self) -> None:
        """Closes all connections; exchanges under way fail."""
        self._closed = True
        await self._sweep.fail_all(AdapterFailed(CLOSED))
        await self._dialer.aclose()

    async def _exchange(self, request: UpstreamRequest, whole: bool) -> Connection:
        """Sends the request and waits for the head, with `whole` for all of the answer."""
        origin = request.head.origin
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(origin, self._dialer, self._sweep, self._scratch, self._keep_seconds)
        timeouts = request.timeouts
        now = monotonic()
        deadline = now + timeouts.first_byte
        total = now + timeouts.total
        if deadline > total:
            deadline = total
        outgoing = request if request.sign is None else await signed(request)
        free = pool.take()
        fresh = free is None
        connection = free or await self._dial(pool, timeouts.connect, deadline)
        while True:
            try:
                await connection.send(outgoing, whole, deadline, total)
            except BaseException:
                connection.abort()
                raise
            error = connection.error
            if error is None or (connection.head and not whole):
                return connection
            stale = not fresh and not connection.received and isinstance(error, UpstreamReset)
            if not stale or monotonic() - now > STALE_WITHIN_S:
                raise error
            pool.stale_retries += 1
            fresh = True
            if request.sign is not None:
                outgoing = await signed(request)  # anew: vendors refuse a signature that they have seen
            connection = await self._dial(pool, timeouts.connect, deadline)

    async def _dial(self, pool: Pool, seconds: float, deadline: float) -> Connection:
        self._check_open()
        connection = await pool.dial(min(seconds, deadline - monotonic()))
        try:
            self._check_open()
        except AdapterFailed:
            connection.abort()
            raise
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise AdapterFailed(CLOSED)


class SlimStream:
    """An answer whose head has arrived; see `UpstreamStream`."""

    __slots__ = ("_connection", "_error", "headers", "status")

    def __init__(self, connection: Connection) -> None:
        self.status = connection.status
        self.headers: Headers = connection.headers
        self._connection: Connection | None = connection
        self._error: ProviderError | None = None

    async def next(self) -> bytes:
        """See `UpstreamStream.next`. Raises `StreamTruncated`, `IdleTimeout`, `TotalTimeout` and their kin."""
        connection = self._connection
        while connection is not None:
            if connection.chunks:
                return connection.take()
            if connection.complete:
                self.close()
                return b""
            if connection.error is not None:
                self._connection = None
                self._error = connection.error
                break
            try:
                await connection.wait()
            except BaseException:
                self.close()
                raise
            connection = self._connection
        if self._error is not None:
            raise self._error
        return b""

    def extend(self, seconds: float) -> None:
        """See `UpstreamStream.extend`."""
        if self._connection is not None:
            self._connection.extend(seconds)

    def close(self) -> None:
        """See `UpstreamStream.close`."""
        connection = self._connection
        if connection is not None:
            self._connection = None
            if not connection.complete:
                self._error = UpstreamReset(f"{connection.peer}: the stream was closed before its end")
            connection.home.release(connection)
