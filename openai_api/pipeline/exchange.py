"""In which order does a request take its steps? This is the only file that knows.

Every way in goes through `generate`: HTTP, WebSocket turns, responses in the background, calls for stored responses. So no
limit, hook or record can be passed by.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from openai_api.context import Gateway, Handler, Inbound
from openai_api.errors import InvalidKey, invalid, model_not_found, not_ready, too_many_guesses, upstream
from openai_api.hooks import run_hooks
from openai_api.http.credentials import keys_in, keys_in_query
from openai_api.limits.admission import Known
from openai_api.pipeline.adapt import WHOLE, masking, relay_of
from openai_api.pipeline.admit import admit
from openai_api.pipeline.authenticate import authenticate
from openai_api.pipeline.check_capability import check_capability
from openai_api.pipeline.first_event import first_event
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import respond
from openai_api.pipeline.route import Exhausted, route
from openai_api.pipeline.state import UNRESOLVED, Exchange, Only
from openai_api.pipeline.streams import Answer
from providers.offload import offload
from providers.protocols import serving
from providers.types import Adapter, Answered, Call, Reply, Target, TargetConfig, TargetTimeouts, Wire

NOT_FOUND = 404

Decode = Callable[[Inbound], Call]


class _NoAdapter:
    """Stands where no upstream was asked."""

    config = TargetConfig(id="", provider="gateway", provider_type="", upstream_model="")


_NO_ADAPTER: Adapter = _NoAdapter()
HERE = Target("", "", "", "gateway", "", TargetTimeouts.of(), _NO_ADAPTER, serving(tuple(Wire)))
"""Who has answered where an admission or a hook has, and no upstream was asked."""


def identify(gateway: Gateway, inbound: Inbound) -> None:
    """Reads the catalog once for the whole request, and finds out who is calling. Raises `ApiError`."""
    if not gateway.serves_data:
        raise invalid("not_found", "This server only serves the admin.", status=404)
    if not gateway.catalog.loaded:
        raise not_ready()
    catalog = inbound.catalog = gateway.catalog.current
    if gateway.authentication:
        try:
            dialect = inbound.dialect
            keys = keys_in(inbound.headers, dialect.credentials)
            if dialect.query_key and inbound.query:
                keys |= keys_in_query(inbound.query, dialect.query_key)
            inbound.caller = authenticate(keys, catalog, stale=gateway.catalog.stale)
        except InvalidKey as error:
            if error.given and (seconds := gateway.guesses.count(inbound.peer)):
                raise too_many_guesses(seconds) from error
            raise
    inbound.record.client_id, inbound.record.client_name = inbound.caller.id, inbound.caller.name


def inference(decode: Decode, **more: Any) -> Handler:
    """The handler of an inference endpoint, which is its decoder and the journey; `more` are fields of its exchanges."""

    async def handler(gateway: Gateway, inbound: Inbound) -> None:
        call = await offload(len(inbound.body), decode, inbound)
        await generate(exchange_of(gateway, inbound, call, **more))

    return handler


def exchange_of(gateway: Gateway, inbound: Inbound, call: Call, **more: Any) -> Exchange:
    """The exchange of a decoded call, whose caller is known. `more` are further fields of it."""
    record = inbound.record
    record.stream, record.capability = call.stream, call.capability
    return Exchange(gateway, inbound, call, inbound.catalog, inbound.caller, record, **more)


async def generate(exchange: Exchange) -> None:
    """The journey of a call of a known caller, to the last byte of the answer. Raises `ApiError`."""
    gateway, record = exchange.gateway, exchange.record
    if exchange.entry is UNRESOLVED:
        _resolve(exchange)
    try:
        known = await admit(exchange) if gateway.admissions else None
        if gateway.hooks and known is None:
            known = await _hooked(exchange)
        if known is not None:
            await respond(exchange, HERE, await _begun(known.answer, exchange.call, HERE))
            return
        if exchange.prepare is not None and await exchange.prepare(exchange):
            return
        target, answer = await _routed(exchange)
        served = exchange.catalog.models.get(target.model, exchange.entry)
        record.served_model, record.prices = served.name, served.prices
        await respond(exchange, target, answer)
    finally:
        for lease in exchange.leases:
            lease.settle(record)


def _resolve(exchange: Exchange) -> None:
    call, client, catalog, record = exchange.call, exchange.client, exchange.catalog, exchange.record
    entry = exchange.entry = resolve_model(call.model, client, catalog)
    record.model, record.pattern = entry.name, entry.pattern
    check_capability(entry, call.capability, client, catalog)


async def _hooked(exchange: Exchange) -> Known | None:
    """Rebinds the call to what the hooks make of it; the answer, if one of them has given it."""
    result = await run_hooks(exchange.gateway.hooks, exchange.call, exchange.client)
    if isinstance(result, Known):
        return result
    renamed = result.model != exchange.call.model
    exchange.call = result
    if renamed:
        _resolve(exchange)
    return None


async def _routed(exchange: Exchange) -> tuple[Target, Answer]:
    call, entry = exchange.call, exchange.entry
    try:
        return await route(
            entry,
            call.capability,
            exchange.catalog,
            exchange.gateway.breakers,
            exchange.record.attempts,
            partial(attempt, exchange),
            only=_only(call.pinned) if call.pinned else exchange.only,
            brought=call.credentials,
        )
    except Exhausted as failure:
        if entry.pattern and failure.error.upstream_status == NOT_FOUND and not call.pinned:
            raise model_not_found(call.model) from failure  # the client chose the name, not the operator
        raise upstream(failure.error) from failure


async def attempt(exchange: Exchange, target: Target) -> Answer:
    """One try: a whole answer, or a stream whose first event has come. Raises `ProviderError`."""
    call = exchange.call
    return await _begun(await exchange.ask(target, call, exchange.gateway.transport), call, target)


async def _begun(answer: Answered, call: Call, target: Target) -> Answer:
    if isinstance(answer, Reply):
        finish = WHOLE.get(call.wire)
        return answer if finish is None else await offload(len(answer.body), finish, answer, call, target)
    begun = await first_event(answer, relay_of(answer, call, target))
    begun.mask = masking(call, target)
    return begun


def _only(target_id: str) -> Only:
    return lambda target: target.id == target_id
