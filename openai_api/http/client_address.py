"""Which address does a request come from? The other end of the connection, or what a trusted proxy says of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[\d.]+):\d+", re.ASCII)
"""Some proxies add the port: `192.0.2.1:5678`, `[2001:db8::1]:5678`."""


def address_of(peer: str, forwarded: str, trusted: Sequence[Network]) -> Address | None:
    """The address of the client, by the other end of the connection and the `X-Forwarded-For`; None when the server does not
    know the other end. An IPv4 address that is written as an IPv6 one is itself.

    `X-Forwarded-For` is read from its end, where the proxies write, and only as far as those who wrote it are trusted: what
    stands further in front may be the client's own invention.
    """
    address = _parsed(peer)
    hops = forwarded.split(",")
    while address is not None and hops and any(address in network for network in trusted):
        told = _parsed(hops.pop())
        if told is None:
            break
        address = told
    return address


def _parsed(text: str) -> Address | None:
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
