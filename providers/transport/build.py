"""Which transport does a process use? The one that its settings name; httpx is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from providers.transport import Origin, Transport
from providers.transport.pool import PoolCounters
from providers.transport.reach import Reach
from providers.transport.slim import SlimTransport
from providers.types import Secret


class OwnTransport(Transport, Protocol):
    """A transport, what it holds, and its end."""

    def counters(self) -> Mapping[Origin, PoolCounters]: ...

    async def aclose(self) -> None: ...


def build_transport(name: str, proxy: Secret | None, private: Iterable[str]) -> OwnTransport:
    """The transport of that name, or the one that knows a proxy. `private` are the upstreams that may have private addresses."""
    reach = Reach(private)
    if name == "httpx" or proxy:
        from providers.transport.httpx_transport import HttpxTransport

        return HttpxTransport(proxy=proxy, reach=reach)
    return SlimTransport(reach=reach)
