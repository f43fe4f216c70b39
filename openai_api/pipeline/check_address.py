"""May the key be used from where the request comes? From the networks of the key, if it has any."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from openai_api.context import Gateway, Inbound
from openai_api.errors import InvalidKey
from openai_api.http.client_address import Address, Network, address_of

FORWARDED = b"x-forwarded-for"
log = logging.getLogger("gateway.requests")


def check_address(gateway: Gateway, inbound: Inbound) -> None:
    """Raises 401 `invalid_api_key`, the same as for a key that does not exist: whoever found a key learns nothing of it. The
    operator learns it from the log and from the row of the request, which names the key."""
    networks = inbound.caller.networks
    if networks is None:
        return
    address = address_of(inbound.peer, inbound.headers.get(FORWARDED, b"").decode("latin-1"), gateway.trusted_proxies)
    if not is_within(address, networks):
        told = {"client_id": inbound.caller.id, "address": str(address), "request_id": inbound.request_id}
        log.warning("key refused: its networks do not have the address", extra=told)
        raise InvalidKey(given=True)


def is_within(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has the address."""
    return address is not None and any(address in network for network in networks)
