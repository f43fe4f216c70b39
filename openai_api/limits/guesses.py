"""Who sends keys that do not exist, again and again? Counted by address and minute, in a bounded memory, by each worker."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from math import ceil
from time import monotonic

MINUTE_S = 60.0
MOST_SOURCES = 4096
"""Addresses that are remembered; those that have been silent longest are forgotten first."""
OF_ONE_SITE = 64
"""Bits of an IPv6 address that its owner cannot choose."""


class Guesses:
    """`most` refused keys a minute are taken from one source; with 0 nothing is counted."""

    def __init__(self, most: int, sources: int = MOST_SOURCES, minute: float = MINUTE_S) -> None:
        self._most = most
        self._sources = sources
        self._minute = minute
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, peer: str) -> int:
        """Counts a refused key that came from an address. The seconds until the next may be sent, 0 if at once."""
        if not self._most:
            return 0
        source, now = source_of(peer), monotonic()
        began, count = self._seen.pop(source, (now, 0))
        if now - began >= self._minute:
            began, count = now, 0
        self._seen[source] = (began, count + 1)
        if len(self._seen) > self._sources:
            self._seen.popitem(last=False)
        return 0 if count < self._most else ceil(began + self._minute - now)


def source_of(peer: str) -> str:
    """Who an address stands for: an IPv4 address for itself, also inside IPv6, an IPv6 address for its network."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, OF_ONE_SITE), strict=False))
