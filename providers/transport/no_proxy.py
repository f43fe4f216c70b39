"""Which upstreams are asked directly although there is a proxy? Those that `NO_PROXY` names, as curl reads it.

Format: curl(1), "Environment", and what Go's clients add to it: entries are separated by commas or spaces. `example.com` and
`.example.com` are that host and every name that ends in it, `10.1.2.3`, `::1` and `10.0.0.0/8` are addresses, `*` is everything;
an entry may end in a port. Addresses are compared with the address that stands in a URL: names are not looked up for it. Nothing
is asked directly that is not named, loopback neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from providers.transport import Origin

_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>\d{1,5})\Z")
Network = IPv4Network | IPv6Network


class NoProxy:
    """Entries that are neither a name nor an address match nothing: the variable belongs to other programs as well."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        words = [word.lower() for entry in entries for word in entry.split()]
        self._all = "*" in words
        self._names: set[tuple[str, int | None]] = set()
        self._networks: list[tuple[Network, int | None]] = []
        for word in words:
            self._add(word)

    def __contains__(self, origin: Origin) -> bool:
        if self._all:
            return True
        ports = (None, origin.port)
        try:
            address = ip_address(origin.host)
        except ValueError:
            labels = origin.host.lower().rstrip(".").split(".")
            ends = (".".join(labels[start:]) for start in range(len(labels)))
            return any((end, port) in self._names for end in ends for port in ports)
        return any(address in network and port in ports for network, port in self._networks)

    def _add(self, word: str) -> None:
        match = _PORT.match(word)
        host, port = (match["host"], int(match["port"])) if match else (word, None)
        host = host.removeprefix("[").removesuffix("]")
        try:
            self._networks.append((ip_network(host, strict=False), port))
        except ValueError:
            self._names.add((host.removeprefix("*").strip("."), port))
