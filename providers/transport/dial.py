"""How is a connection to an origin opened? Name, address, TCP, TLS, within one time-out."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable
from itertools import chain, zip_longest
from time import monotonic
from typing import TypeVar

from providers.errors import AddressRefused, ConnectFailed, ConnectTimeout, DnsFailed, ProviderError, TlsFailed
from providers.transport import Origin
from providers.transport.reach import Reach

GOOD_ANSWER_SECONDS = 60.0
"""How long an earlier answer of the name service is used when the service fails."""

MAX_ADDRESSES = 4
"""Addresses of a host that are tried; each gets an equal part of the time that is left."""

P = TypeVar("P", bound=asyncio.BaseProtocol)

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses, the best first. Raises `OSError`."""

FAILURES: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
    (TimeoutError, ConnectTimeout),
    (ssl.SSLError, TlsFailed),
    (OSError, ConnectFailed),
    (ValueError, DnsFailed),
)


def tls_context() -> ssl.SSLContext:
    """Verifies certificate and host name against the system's authorities; TLS 1.2 or later, HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


async def system_resolve(host: str, port: int) -> list[str]:
    """The system's answer, IPv6 and IPv4 in turn."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return in_turn([str(address[0]) for _, _, _, _, address in answers])


def in_turn(addresses: list[str]) -> list[str]:
    """The addresses without doubles, the families taking turns, so that one that is unreachable does not use up the time."""
    families: dict[bool, dict[str, None]] = {}
    for address in addresses:
        families.setdefault(":" in address, {})[address] = None
    return [address for address in chain.from_iterable(zip_longest(*families.values())) if address]


class Dialer:
    def __init__(self, context: ssl.SSLContext, resolve: Resolve = system_resolve, reach: Reach | None = None) -> None:
        self._context = context
        self._resolve = resolve
        self._reach = reach or Reach()
        self._good: dict[str, tuple[float, list[str]]] = {}
        self._lookups: dict[str, asyncio.Future[list[str]]] = {}

    async def dial(self, origin: Origin, factory: Callable[[], P], seconds: float) -> P:
        """A connected protocol. Raises `ConnectTimeout` after `seconds`, or a `ConnectFailed`."""
        give_up = monotonic() + seconds
        addresses = self._reachable(origin.host, await self._addresses(origin, seconds))
        left = len(addresses)
        while True:
            try:
                return await self._connect(origin, addresses[-left], factory, (give_up - monotonic()) / left)
            except (OSError, ValueError) as error:
                if left == 1 or isinstance(error, ssl.SSLError):
                    raise _explain(origin, error) from error
                left -= 1

    def _reachable(self, host: str, addresses: list[str]) -> list[str]:
        """Those that the host may have. Raises `AddressRefused` when none is left."""
        good = [address for address in addresses if not self._reach.refuses(host, address)]
        if not good:
            raise AddressRefused(f"{host} resolves to {', '.join(addresses)}")
        return good[:MAX_ADDRESSES]

    async def _connect(self, origin: Origin, address: str, factory: Callable[[], P], seconds: float) -> P:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            if origin.scheme != "https":
                return (await loop.create_connection(factory, address, origin.port))[1]
            _, protocol = await loop.create_connection(
                factory,
                address,
                origin.port,
                ssl=self._context,
                server_hostname=origin.host,
                ssl_handshake_timeout=max(seconds, 0) + 1,  # never the first to end
            )
            return protocol

    async def _addresses(self, origin: Origin, seconds: float) -> list[str]:
        host = origin.host
        if _is_address(host):
            return [host]
        known_at, known = self._good.get(host, (0.0, []))
        fresh = bool(known) and monotonic() - known_at < GOOD_ANSWER_SECONDS
        lookup = self._lookup(origin)
        try:
            async with asyncio.timeout(seconds / 2 if fresh else seconds):
                await asyncio.wait([lookup])
            addresses = [] if lookup.cancelled() else lookup.result()
            if not addresses:
                raise OSError("no address")
        except (OSError, ValueError) as error:
            if fresh:
                return known
            raise DnsFailed(f"{host}: {str(error) or 'DNS did not answer in time'}") from error
        self._good[host] = (monotonic(), addresses)
        return addresses

    def _lookup(self, origin: Origin) -> asyncio.Future[list[str]]:
        """One question at a time for each host, for all who ask: a name service that hangs holds up one thread, not all."""
        host = origin.host
        lookup = self._lookups.get(host)
        if lookup is None:
            lookup = self._lookups[host] = asyncio.ensure_future(self._resolve(host, origin.port))
            lookup.add_done_callback(lambda done: self._answered(host, done))
        return lookup

    def _answered(self, host: str, done: asyncio.Future[list[str]]) -> None:
        del self._lookups[host]
        if not done.cancelled():
            done.exception()  # perhaps nobody waits for it any more

    async def aclose(self) -> None:
        """Ends the questions under way."""
        lookups = tuple(self._lookups.values())
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _explain(origin: Origin, error: OSError | ValueError) -> ProviderError:
    if origin.scheme == "https" and isinstance(error, (ConnectionResetError, ConnectionAbortedError)):
        kind: type[ProviderError] = TlsFailed
    else:
        kind = next(ours for theirs, ours in FAILURES if isinstance(error, theirs))
    return kind(f"{origin.host}:{origin.port}: {str(error) or 'time-out'}")
