"""In which order does a request take its steps? This is the only file that knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from openai_api.context import Gateway, Inbound
from openai_api.errors import invalid, not_ready, upstream
from openai_api.pipeline.adapt import adapt
from openai_api.pipeline.authenticate import authenticate
from openai_api.pipeline.check_capability import check_capability
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import respond
from openai_api.pipeline.route import Exhausted, route
from providers.types import Call

LARGE_BODY = 64 * 1024
"""Bodies of more bytes are decoded in a thread, so that others need not wait."""

Handler = Callable[[Gateway, Inbound], Awaitable[None]]
Decode = Callable[[Inbound], Call]


def identify(gateway: Gateway, inbound: Inbound) -> None:
    """Reads the catalog once for the whole request, and finds out who is calling. Raises `ApiError`."""
    if not gateway.serves_data:
        raise invalid("not_found", "This server serves the admin only.", status=404)
    if not gateway.catalog.loaded:
        raise not_ready()
    catalog = inbound.catalog = gateway.catalog.current
    if gateway.authentication:
        inbound.caller = authenticate(inbound.headers, catalog, stale=gateway.catalog.stale)
    inbound.record.client_id, inbound.record.client_name = inbound.caller.id, inbound.caller.name


async def run(gateway: Gateway, inbound: Inbound, decode: Decode) -> None:
    """One inference request of a known caller, from its bytes to the last byte of the answer. Raises `ApiError`."""
    record, catalog, client = inbound.record, inbound.catalog, inbound.caller
    call = decode(inbound) if len(inbound.body) <= LARGE_BODY else await asyncio.to_thread(decode, inbound)
    record.stream, record.body_bytes = call.stream, len(inbound.body)
    entry = resolve_model(call.model, client, catalog)
    record.model = entry.name
    check_capability(entry, call.capability, client, catalog)
    attempt = partial(adapt, call, gateway.transport)
    try:
        target, answer = await route(entry, call.capability, catalog, gateway.breakers, record.attempts, attempt)
    except Exhausted as failure:
        raise upstream(failure.error) from failure
    served = catalog.models.get(target.model, entry)
    record.served_model, record.prices = served.name, served.prices
    await respond(inbound, call, target, answer)


def inference(decode: Decode) -> Handler:
    """The handler of an inference endpoint, which is its decoder and the journey."""

    async def handler(gateway: Gateway, inbound: Inbound) -> None:
        await run(gateway, inbound, decode)

    return handler
