"""May a name lead to this address? Whoever answers for a name could point it at what only this machine can reach.

Never to addresses that hand out a cloud machine's own credentials, or that are none of one server. To a private one only if
the host is an address itself, or a name of private networks (RFC 6761, 6762, 8375, ICANN's `internal`, Kubernetes' `svc`),
or one that the operator has named.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "home.arpa", "svc", "test")
"""Ends of names that are private. A name without a dot is private too."""
NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local; 169.254.169.254 tells the secrets of the machine in most clouds
            "fe80::/10",
            "fd00:ec2::254/128",  # the same, AWS over IPv6
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "0.0.0.0/8",
            "::/128",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "ff00::/8",
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


class Reach:
    """What upstreams may be reached. `allowed` are hosts, ends of names that begin with a dot, networks, or `*` for all but
    what is never reached. Raises `ValueError` for a network that is none."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        words = {word.lower() for word in allowed}
        self._networks = tuple(ip_network(word) for word in words if "/" in word)
        self._names = frozenset(word for word in words if "/" not in word)

    def refuses(self, host: str, address: str) -> bool:
        """Whether a connection to that host must not be made, or not be used, at this address."""
        ip = _inner(ip_address(address.partition("%")[0]))
        if any(ip in network for network in NEVER):
            return True
        return not (ip.is_global or host == address or any(ip in network for network in self._networks) or self._private(host))

    def _private(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        labels = name.split(".")
        ends = {".".join(labels[start:]) for start in range(len(labels))}
        allowed = "*" in self._names or name in self._names or any(f".{end}" in self._names for end in ends)
        return allowed or len(labels) == 1 or not ends.isdisjoint(PRIVATE_NAMES)


def _inner(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
