"""Which address does a request of the admin come from, and what does it count as?"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from openai_api.http.client_address import Address, Network, address_of

SITE = 64
"""An IPv6 customer has at least a /64 network, and can change addresses in it at will."""


def client_address(meta: Mapping[str, str], trusted: Sequence[Network]) -> Address | None:
    """The address of the client by the request's `META`; None when the server does not know the other end."""
    return address_of(meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""), trusted)


def counted_as(address: Address | None) -> str | None:
    """What the address counts as: itself, or the network of an IPv6 address."""
    if address is None or address.version == 4:
        return None if address is None else str(address)
    return str(ipaddress.ip_network((address, SITE), strict=False).network_address)
