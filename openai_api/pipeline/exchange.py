"""In which order does a request take its steps? This is the only file that knows.

Every way in goes through `generate`: HTTP, WebSocket turns, responses in the background, calls for stored responses. So no
limit, hook or record can be passed by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter, time
from typing import Any

import msgspec

from models_catalog.snapshot import Client, ModelEntry
from openai_api.cache.cache import Cache
from openai_api.context import ANONYMOUS, Gateway, Handler, Inbound
from openai_api.errors import ApiError, InvalidKey, invalid, model_not_found, not_ready, too_many_guesses, upstream
from openai_api.hooks.chain import Chain
from openai_api.http.credentials import keys_in, keys_in_query
from openai_api.limits.admission import Known, Place
from openai_api.outlet import HeardOutlet
from openai_api.pipeline.adapt import WHOLE, masking, relay_of
from openai_api.pipeline.admit import admit
from openai_api.pipeline.authenticate import authenticate
from openai_api.pipeline.check_address import check_address
from openai_api.pipeline.check_capability import check_capability
from openai_api.pipeline.find_session import find_session
from openai_api.pipeline.first_event import first_event
from openai_api.pipeline.look_up import look_up, pass_by, take_options
from openai_api.pipeline.note_program import note_program
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import respond
from openai_api.pipeline.route import Exhausted, Leave, as_listed, free, no_place, route
from openai_api.pipeline.run_hooks import HookRun, authenticate_by_hooks, context_of
from openai_api.pipeline.state import UNRESOLVED, Exchange, Hooked, Only, asking_of
from openai_api.pipeline.streams import Answer
from openai_api.recording.events import Record
from openai_api.sharing.sharing import Turn
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.errors import ProviderError
from providers.offload import offload
from providers.protocols import serving
from providers.types import Adapter, Answered, Call, Reply, Target, TargetConfig, TargetTimeouts, Usage, Wire

NOT_FOUND = 404

ENDPOINT = "endpoint_id"
"""What whoever publishes keys calls a model."""

Decode = Callable[[Inbound], Call]


class _NoAdapter:
    """Stands where no upstream was asked."""

    config = TargetConfig(id="", provider="gateway", provider_type="", upstream_model="")


_NO_ADAPTER: Adapter = _NoAdapter()
HERE = Target("", "", "", "gateway", "", TargetTimeouts.of(), _NO_ADAPTER, serving(tuple(Wire)))
"""Who has answered where an admission or a hook has, and no upstream was asked."""
NO_HOOKS = Chain((), {})


async def identify(gateway: Gateway, inbound: Inbound) -> None:
    """Reads the catalog once for the whole request, and finds out who is calling. Raises `ApiError`."""
    if not gateway.serves_data:
        raise invalid("not_found", "This server only serves the admin.", status=404)
    if not gateway.catalog.loaded:
        raise not_ready()
    catalog = inbound.catalog = gateway.catalog.current
    inbound.record.revision = catalog.version
    chain = gateway.hooks.chain
    granted: Client | None = None
    keys = _keys(inbound)
    note_program(inbound.record, inbound.headers, keys)
    if chain is not None and chain.authentication:
        granted = await authenticate_by_hooks(chain, inbound, keys)
    if granted is not None:
        inbound.caller = granted
    elif gateway.authentication:
        try:
            inbound.caller = authenticate(keys, catalog, stale=gateway.catalog.stale)
            check_address(gateway, inbound)
        except InvalidKey as error:
            if inbound.caller is not ANONYMOUS:
                _note_caller(inbound.record, inbound.caller)
            if error.given and (seconds := gateway.guesses.count(inbound.peer)):
                raise too_many_guesses(seconds) from error
            raise
    _note_caller(inbound.record, inbound.caller)


def _note_caller(record: Record, client: Client) -> None:
    record.client_id, record.client_name = client.id, client.name
    record.tenant = record.tenant or client.owner.tenant
    record.project, record.person = client.owner.project, client.owner.person
    if client.labels:
        record.tags = {**client.labels, **record.tags}


def _keys(inbound: Inbound) -> set[bytes]:
    dialect = inbound.dialect
    keys = keys_in(inbound.headers, dialect.credentials)
    return keys | keys_in_query(inbound.query, dialect.query_key) if dialect.query_key and inbound.query else keys


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
    inbound.wire = call.wire
    return Exchange(gateway, inbound, call, inbound.catalog, inbound.caller, record, **more)


async def generate(exchange: Exchange) -> None:
    """The journey of a call of a known caller, to the last byte of the answer. Raises `ApiError`."""
    gateway, client = exchange.gateway, exchange.client
    if not client.ends_streams:
        await _generated(exchange)
        return
    task = asyncio.current_task()
    with gateway.revocations.watching(gateway.catalog, client, partial(_revoked, exchange.inbound, task)):
        await _generated(exchange)
    if task is not None and exchange.inbound.ends_with is not None:
        task.uncancel()  # the client has been told


def _revoked(inbound: Inbound, task: asyncio.Task[Any] | None) -> None:
    """Ends the answer with its key."""
    if task is not None and not inbound.outlet.finished:
        inbound.ends_with = InvalidKey(given=True)
        task.cancel()


async def _generated(exchange: Exchange) -> None:
    gateway, record = exchange.gateway, exchange.record
    await take_options(exchange)
    if exchange.entry is UNRESOLVED:
        _resolve(exchange)
    if gateway.sessions is not None:
        await find_session(exchange, gateway.sessions)
    try:
        known = await admit(exchange) if gateway.admissions else None
        if known is None and exchange.hooks is None and gateway.hooks.chain is not None:
            known = await _hooked(exchange)
        if known is not None:
            await respond(exchange, HERE, await _begun(known.answer, exchange.call, HERE))
            return
        if exchange.prepare is not None and await exchange.prepare(exchange):
            return
        if gateway.cache is None:
            pass_by(exchange)
        elif await _looked_up(exchange, gateway.cache):
            return
        target, answer = await _routed(exchange)
        served = exchange.catalog.models.get(target.model, exchange.entry)
        record.served_model, record.prices = served.name, served.prices.at(time(), target.id)
        await respond(exchange, target, answer)
    finally:
        for lease in exchange.leases:
            lease.settle(record)


def _resolve(exchange: Exchange) -> None:
    call, client, catalog, record = exchange.call, exchange.client, exchange.catalog, exchange.record
    entry = exchange.entry = resolve_model(call.model, client, catalog)
    record.model, record.pattern = entry.name, entry.pattern
    if client.published:
        record.tags = {**record.tags, ENDPOINT: entry.name}
    check_capability(entry, call.capability, client, catalog)


async def _hooked(exchange: Exchange) -> Known | None:
    """Rebinds the call to what the hooks make of it; the answer, if one of them has given it. Which hooks there are is decided
    by the model that the client asked for."""
    gateway, client = exchange.gateway, exchange.client
    chain = gateway.hooks.narrowed(exchange.entry.name, client.name, client.id)
    if chain is None:
        return None
    exchange.hooks = _run(exchange, chain)
    result = await exchange.hooks.before(exchange.call)
    if not isinstance(result, Call):
        return Known(result)
    renamed = result.model != exchange.call.model
    exchange.call = result
    await take_options(exchange)
    if renamed:
        _resolve(exchange)
    return None


def later_hooks(exchange: Exchange) -> Hooked | None:
    """The hooks of a call that is made for a request which they have seen already: those after it, and of its events."""
    gateway, call = exchange.gateway, exchange.call
    client = exchange.client
    chain = gateway.hooks.narrowed(client.meant(call.model), client.name, client.id)
    return None if chain is None else _run(exchange, chain)


def _run(exchange: Exchange, chain: Chain) -> HookRun:
    context = context_of(exchange.inbound)
    context.asking = partial(_asked, exchange)
    return HookRun(chain, context, exchange.gateway.limits.max_body_bytes)


async def _asked(exchange: Exchange, capability: Capability, wire: Wire, body: Mapping[str, Any]) -> bytes:
    """What a hook asks a model: a journey of its own, with a record of its own and without hooks. Raises `ApiError`."""
    gateway, asking = exchange.gateway, exchange.inbound
    encoded = msgspec.json.encode(body)
    told = asking.record
    record = Record(told.request_id, "POST", f"{told.path} (hook)", route=told.route, capability=capability)
    record.client_id, record.client_name, record.tenant = told.client_id, told.client_name, told.tenant
    record.project, record.person, record.app = told.project, told.person, told.app
    record.revision, record.test = told.revision, told.test
    outlet = HeardOutlet()
    inbound = Inbound(told.request_id, "POST", told.path, "", {}, encoded, record, outlet)
    model = str(body.get("model") or "")
    call = Call(
        capability=capability, wire=wire, model=model, body=encoded, fields=fields_of(encoded), request_id=told.request_id
    )
    client = replace(exchange.client, models=None)
    try:
        hooks = HookRun(NO_HOOKS, context_of(inbound), 0)
        await generate(Exchange(gateway, inbound, call, exchange.catalog, client, record, hooks=hooks))
    except ApiError as error:
        record.status, record.error = error.status, error.code or error.type
        raise
    except asyncio.CancelledError:
        record.client_aborted = True
        raise
    finally:
        record.total_s = perf_counter() - record.clock
        gateway.recorder.record(record)
    return outlet.body


async def _looked_up(exchange: Exchange, cache: Cache) -> bool:
    """Answers with what the cache has, if it has something, which costs nothing."""
    found = await look_up(exchange, cache)
    if found is None:
        return False
    call, target, record = exchange.call, found.target, exchange.record
    try:
        answer = await _begun(found.answer, call, target)
    except ProviderError:
        return False
    exchange.inbound.head += found.head
    served = exchange.catalog.models.get(target.model, exchange.entry)
    record.cache, record.served_model = found.told, served.name
    record.provider, record.upstream_model = target.provider, target.upstream_model
    try:
        await respond(exchange, target, answer)
    finally:
        record.usage = Usage()
    return True


async def _routed(exchange: Exchange) -> tuple[Target, Answer]:
    call, entry = exchange.call, exchange.entry
    is_alone = not (entry.groups or entry.fallbacks)
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
            enter=free if is_alone and not entry.watched else partial(_enter, exchange),
            choose=as_listed if is_alone else partial(exchange.gateway.sharing.order, asking_of(exchange)),
        )
    except Exhausted as failure:
        if entry.pattern and failure.error.upstream_status == NOT_FOUND and not call.pinned:
            raise model_not_found(call.model) from failure  # the client chose the name, not the operator
        raise upstream(failure.error) from failure


async def _enter(exchange: Exchange, leg: ModelEntry, target: Target) -> Leave:
    """Asks for a turn at the target, if it is watched, and every gate for a place at a fallback model. Raises `ProviderError`."""
    gates = () if leg.name == exchange.entry.name else exchange.gateway.gates
    if not (gates or leg.watched):
        return no_place
    places: list[Place] = []
    asking = asking_of(exchange)
    turn: Turn | None = None
    try:
        if leg.watched:
            turn = await exchange.gateway.sharing.enter(asking, leg, target)
            places.append(turn)
        for gate in gates:
            place = await gate.enter(asking, leg, target)
            places += () if place is None else (place,)
    except BaseException:
        _give_back(places)
        raise
    return partial(_leave, exchange, places, turn)


def _leave(exchange: Exchange, places: Sequence[Place], turn: Turn | None, served: bool) -> None:
    if not served:
        _give_back(places)
        return
    exchange.leases += tuple(places)
    for place in places:
        exchange.inbound.head += place.head
    if turn is not None:
        turn.began()


def _give_back(places: Sequence[Place]) -> None:
    for place in places:
        place.give_back()


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
