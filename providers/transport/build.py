"""Which transport does a process use? The one that its settings name; httpx is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from providers.transport import Origin, Transport, UpstreamReply, UpstreamRequest, UpstreamStream
from providers.transport.no_proxy import NoProxy
from providers.transport.pool import PoolCounters
from providers.transport.reach import Reach
from providers.transport.slim import SlimTransport
from providers.types import Secret


class OwnTransport(Transport, Protocol):
    """A transport, what it holds, and its end."""

    def counters(self) -> Mapping[Origin, PoolCounters]: ...

    async def aclose(self) -> None: ...


class Forked:
    """Asks directly what `no_proxy` names, and all else through the proxy."""

    def __init__(self, direct: OwnTransport, proxied: OwnTransport, no_proxy: NoProxy) -> None:
        self._direct = direct
        self._proxied = proxied
        self._no_proxy = no_proxy

    async def fetch(self, request: UpstreamRequest) -> UpstreamReply:
        return await self._way(request).fetch(request)

    async def stream(self, request: UpstreamRequest) -> UpstreamStream:
        return await self._way(request).stream(request)

    def counters(self) -> Mapping[Origin, PoolCounters]:
        return {**self._proxied.counters(), **self._direct.counters()}

    async def aclose(self) -> None:
        await self._direct.aclose()
        await self._proxied.aclose()

    def _way(self, request: UpstreamRequest) -> OwnTransport:
        return self._direct if request.head.origin in self._no_proxy else self._proxied


def build_transport(name: str, proxy: Secret | None, private: Iterable[str], no_proxy: Iterable[str] = ()) -> OwnTransport:
    """The transport of that name, and the one that knows a proxy if there is one. `private` are the upstreams that may have
    private addresses, `no_proxy` those that are asked directly."""
    reach = Reach(private)
    if name != "httpx" and proxy is None:
        return SlimTransport(reach=reach)
    from providers.transport.httpx_transport import HttpxTransport

    direct: OwnTransport = HttpxTransport(reach=reach) if name == "httpx" else SlimTransport(reach=reach)
    return direct if proxy is None else Forked(direct, HttpxTransport(proxy=proxy, reach=reach), NoProxy(no_proxy))
