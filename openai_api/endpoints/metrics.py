"""What does Prometheus scrape? The sums of all workers, for those on this machine or with the token."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Mapping

from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError
from openai_api.pipeline.respond import send_whole
from openai_api.recording.exposition import CONTENT_TYPE, exposition
from openai_api.recording.metrics import Labels

FORWARDING = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})
"""Headers that a proxy adds: the client behind it may be anybody."""


async def metrics(gateway: Gateway, inbound: Inbound) -> None:
    """The text format. With `GATEWAY_METRICS_TOKEN` set, `Authorization: Bearer TOKEN` is asked for; without it, only
    clients on the same machine are answered, and no proxy on it."""
    _authorize(gateway, inbound)
    shared = {(name, labels): value for name, labels, value in await gateway.figures.gauges()}
    text = await asyncio.to_thread(_text, gateway, shared)
    await send_whole(inbound, 200, ((b"content-type", CONTENT_TYPE),), text)


def _text(gateway: Gateway, shared: Mapping[tuple[str, Labels], float]) -> bytes:
    """The sums of all workers, and what each of them knows alike. Blocks."""
    tally = gateway.metrics.total()
    tally.gauges.update(shared)
    return exposition(tally, gateway.state.version)


def _authorize(gateway: Gateway, inbound: Inbound) -> None:
    if gateway.metrics_token:
        given = inbound.headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + gateway.metrics_token.reveal().encode()):
            raise ApiError(
                401,
                "invalid_metrics_token",
                "Metrics require the metrics token.",
                headers=((b"www-authenticate", b"Bearer"),),
            )
    elif not _is_local(inbound.peer) or not FORWARDING.isdisjoint(inbound.headers):
        text = "Metrics are served to clients on the same machine only, unless GATEWAY_METRICS_TOKEN is set."
        raise ApiError(403, "metrics_are_local", text, kind="permission_error")


def _is_local(client: str) -> bool:
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
