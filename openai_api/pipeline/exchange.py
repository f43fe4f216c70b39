"""In which order does a request take its steps? This is the only file that knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from models_catalog.snapshot import Client, ModelEntry
from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError, InvalidKey, invalid, model_not_found, not_ready, too_many_guesses, upstream
from openai_api.pipeline.adapt import Answer, adapt
from openai_api.pipeline.authenticate import authenticate
from openai_api.pipeline.check_capability import check_capability
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import Keep, respond
from openai_api.pipeline.route import Exhausted, Try, route
from openai_api.recording.events import Attempt
from openai_api.responses.continue_response import continue_response, not_found, own_place
from openai_api.responses.count_response import count_response
from openai_api.responses.ids import Sealed
from openai_api.responses.keep_response import keep_response
from openai_api.responses.queue_response import is_made_here, queue_response
from openai_api.responses.response_model import model_of
from openai_api.responses.summaries import Summaries
from providers.capabilities import Capability
from providers.convert.response_history import history
from providers.offload import offload
from providers.types import Action, Call, Target
from providers.wire.openai_responses.tools import Json

NOT_FOUND = 404
GONE = "previous_response_not_found"

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
        try:
            inbound.caller = authenticate(inbound.headers, catalog, stale=gateway.catalog.stale)
        except InvalidKey as error:
            if error.given and (seconds := gateway.guesses.count(inbound.peer)):
                raise too_many_guesses(seconds) from error
            raise
    inbound.record.client_id, inbound.record.client_name = inbound.caller.id, inbound.caller.name


async def run(gateway: Gateway, inbound: Inbound, decode: Decode) -> None:
    """One inference request of a known caller, from its bytes to the last byte of the answer. Raises `ApiError`."""
    record, catalog, client = inbound.record, inbound.catalog, inbound.caller
    call = await offload(len(inbound.body), decode, inbound)
    record.stream = call.stream
    record.capability = (
        None if call.response.action is not Action.CREATE else call.capability
    )  # nothing is generated, or it is accounted for otherwise
    entry = resolve_model(call.model, client, catalog)
    record.model, record.pattern = entry.name, entry.pattern
    check_capability(entry, call.capability, client, catalog)
    keep = None
    if call.capability is Capability.RESPONSES:
        call = _reading_summaries(call, client, gateway.summaries)
        fetch = partial(_context, gateway, inbound, call)
        call = await continue_response(call, entry, client, catalog, gateway.response_ids, gateway.responses, fetch)
        record.counted_apart = call.response.background
        if call.response.background:
            keep = partial(count_response, gateway, inbound)
        elif call.response.action is Action.CREATE:
            keep = partial(keep_response, gateway.responses, call, client)
    try:
        if call.capability is Capability.RESPONSES and is_made_here(call, entry):
            await queue_response(gateway, inbound, call, entry)
        else:
            await serve(gateway, inbound, call, entry, partial(adapt, call, gateway.transport), keep)
    except ApiError as error:
        context = call.response
        if call.pinned and context.previous_id and error.code == GONE:
            raise not_found(context.previous_id) from error  # the upstream's words hold its own id
        error.param = own_place(error.param, context.before) if error.param and context.before else error.param
        raise


async def serve(
    gateway: Gateway, inbound: Inbound, call: Call, entry: ModelEntry, attempt: Try[Answer], keep: Keep | None = None
) -> None:
    """The rest of the journey, once it is known what is asked of which model. Raises `ApiError`."""
    record, catalog = inbound.record, inbound.catalog
    try:
        target, answer = await route(
            entry,
            call.capability,
            catalog,
            gateway.breakers,
            record.attempts,
            attempt,
            only=_bound(call),
            brought=call.credentials,
        )
    except Exhausted as failure:
        if entry.pattern and failure.error.upstream_status == NOT_FOUND and not call.pinned:
            raise model_not_found(call.model) from failure  # the client chose the name, not the operator
        raise upstream(failure.error) from failure
    served = catalog.models.get(target.model, entry)
    record.served_model, record.prices = served.name, served.prices
    await respond(inbound, call, target, answer, keep)


def _reading_summaries(call: Call, client: Client, summaries: Summaries) -> Call:
    """The call with what seals and opens the client's compactions."""
    seal, read = partial(summaries.seal, client.id), partial(summaries.open, client.id)
    return call.with_response(seal_summary=seal, open_summary=read)


async def _context(gateway: Gateway, inbound: Inbound, call: Call, sealed: Sealed) -> list[Json] | None:
    """What was said up to a response that lies at an upstream; None if the client may not use that, or it is not there."""
    record, catalog = inbound.record, inbound.catalog
    found = model_of(sealed, call.capability, inbound.caller, catalog)
    if found is None:
        return None
    asking = partial(history, call, sealed.upstream_id, gateway.transport)
    attempts: list[Attempt] = []
    try:
        only = _bound(msgspec.structs.replace(call, pinned=sealed.target))
        reached = found[0], call.capability, catalog
        return (await route(*reached, gateway.breakers, attempts, asking, only=only, brought=call.credentials))[1]
    except Exhausted as failure:
        if failure.error.upstream_status == NOT_FOUND:
            return None
        raise upstream(failure.error) from failure
    finally:
        record.context_s += sum(attempt.upstream_s for attempt in attempts)


def _bound(call: Call) -> Callable[[Target], bool] | None:
    """Which targets may be tried: the one that the call is pinned to, or those that make responses in the background (the
    gateway's own go without the field), or all (None)."""
    if call.pinned:
        return lambda target: target.id == call.pinned
    return _keeps_responses if call.response.background else None


def _keeps_responses(target: Target) -> bool:
    return target.keeps_responses


def inference(decode: Decode) -> Handler:
    """The handler of an inference endpoint, which is its decoder and the journey."""

    async def handler(gateway: Gateway, inbound: Inbound) -> None:
        await run(gateway, inbound, decode)

    return handler
