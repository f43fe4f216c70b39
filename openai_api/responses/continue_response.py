"""Which conversation does a response continue? The one that its `previous_response_id` names is put in front of its input."""

from __future__ import annotations

import re

import msgspec

from models_catalog.snapshot import Client
from openai_api.errors import ApiError, invalid
from openai_api.pipeline.state import Exchange
from openai_api.responses.fetch_context import fetch_context
from openai_api.responses.ids import WELL_FORMED
from openai_api.responses.item_references import with_references
from openai_api.responses.response_model import lies_at
from openai_api.responses.store import ACTIVE, ResponseStore, StoredResponse, input_items
from providers.bytes.patch import fields_of, patch
from providers.offload import offload
from providers.types import Call

PLACE = re.compile(r"input\[([0-9]+)\]")
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def continue_response(exchange: Exchange) -> Call:
    """The exchange's call with what went before, or for the upstream that keeps it, pinned to that. What lies at an account to
    which neither the model nor its fallback models lead is carried over.

    Raises 400 `previous_response_not_found`, 503 when it cannot be looked up, and what the upstream says where it is asked.
    """
    store = exchange.gateway.responses
    return await with_references(await _continued(exchange, store), exchange.client, store)


async def _continued(exchange: Exchange, store: ResponseStore) -> Call:
    call, client = exchange.call, exchange.client
    previous = call.response.previous_id
    if previous is None:
        return call
    remembered = store.recall(previous, client.id)
    if remembered is not None:
        call = await _after(remembered.response, call)
        if remembered.continues is None:
            return call
        previous = remembered.continues
    sealed = exchange.gateway.response_ids.open(client.id, previous)
    if sealed is not None:
        target = lies_at(exchange.entry, sealed, call.capability, client, exchange.catalog)
        if target is None:
            carried = await fetch_context(exchange, sealed)
            if carried is None:
                raise not_found(previous)
            items = msgspec.json.encode([*carried, *input_items(call)])
            return _after_items(call, items, len(carried))
        body = patch(call.fields, {"previous_response_id": msgspec.json.encode(sealed.upstream_id)})
        return call.with_body(body, pinned=target)
    stored = await found(store, previous, client)
    if stored is None:
        raise not_found(previous)
    if stored.status in ACTIVE:
        raise invalid("invalid_value", f"The response {previous!r} is still in progress.", "previous_response_id")
    return await _after(stored, call)


async def found(store: ResponseStore, response_id: str, client: Client) -> StoredResponse | None:
    """The stored response of that id, if it is this client's. Raises 503."""
    if not WELL_FORMED.fullmatch(response_id):
        return None
    return await store.get(response_id, client.id)


def not_found(response_id: str) -> ApiError:
    """One and the same for a response that does not exist, has expired, or is another's; 400, as OpenAI says it."""
    message = f"Previous response with id {response_id[:260]!r} not found."
    return invalid("previous_response_not_found", message, "previous_response_id")


def _after_items(call: Call, items: bytes, before: int) -> Call:
    """The call with these items, the first of which went `before` the request's own."""
    body = patch(call.fields, {"previous_response_id": None, "input": items})
    return call.with_body(body).with_response(before=call.response.before + before)


async def _after(stored: StoredResponse, call: Call) -> Call:
    return await offload(len(stored.items) + len(stored.body) + len(call.body), _joined, stored, call)


def _joined(stored: StoredResponse, call: Call) -> Call:
    """The call with the response's input, its output, and what is said now, in this order."""
    output = fields_of(stored.body).raw("output") or b"[]"
    now = [msgspec.Raw(msgspec.json.encode(item)) for item in input_items(call)]
    before = [*_items(stored.items), *_items(output)]
    items = msgspec.json.encode([*before, *now])
    return _after_items(call, items, len(before))


def own_place(param: str, before: int) -> str:
    """The place of an error in the request as the client sent it: what went before stands in front of its `input`."""
    match = PLACE.match(param)
    if match is None:
        return param
    place = int(match[1]) - before
    return f"input[{place}]{param[match.end() :]}" if place >= 0 else "previous_response_id"
