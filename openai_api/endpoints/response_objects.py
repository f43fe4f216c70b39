"""What can be done with a response there is? `GET`, `DELETE /v1/responses/{id}`, `POST …/cancel`, `GET …/input_items`.

The id tells where it lies: at the upstream that made it, or here. Ids of other keys are like ids that nobody has. With the header
`x-model-name` it must be a response of that model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from models_catalog.snapshot import MODEL_PREFIX, ModelEntry
from openai_api.context import Gateway, Inbound
from openai_api.endpoints.call import make_call
from openai_api.endpoints.response_call import MODEL_HEADER
from openai_api.errors import ApiError, invalid
from openai_api.http.routing import not_found
from openai_api.pipeline.exchange import exchange_of, generate
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import send_json
from openai_api.responses.continue_response import found
from openai_api.responses.count_response import count_response
from openai_api.responses.ids import WELL_FORMED, Sealed
from openai_api.responses.queue_response import follow_response
from openai_api.responses.response_model import model_of, reaches
from openai_api.responses.store import ACTIVE, StoredResponse
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.convert.response_actions import ask_stored
from providers.types import ResponseContext, Wire

NOT_FOUND = 404
MAX_ITEMS, USUAL_ITEMS = 100, 20
NUMBER = re.compile(r"-1|[0-9]{1,9}")
PASSED = frozenset({"include", "include[]", "stream", "starting_after", "include_obfuscation", "limit", "order", "after"})
"""Query parameters that go upstream."""


async def get(gateway: Gateway, inbound: Inbound) -> None:
    """The response; with `?stream=true` its events, if it was made in the background."""
    sealed = _sealed(gateway, inbound)
    if sealed is not None:
        await _at_upstream(gateway, inbound, sealed, "GET")
        return
    stored = await _stored(gateway, inbound)
    query = dict(_pairs(inbound))
    if query.get("stream") == "true":
        await _stream_again(gateway, inbound, stored, query.get("starting_after", "-1"))
        return
    await send_json(inbound, stored.current_body())


async def items(gateway: Gateway, inbound: Inbound) -> None:
    """What it was made from."""
    sealed = _sealed(gateway, inbound)
    if sealed is not None:
        await _at_upstream(gateway, inbound, sealed, "GET", "/input_items")
        return
    stored = await _stored(gateway, inbound)
    await send_json(inbound, _page(stored, dict(_pairs(inbound))))


async def delete(gateway: Gateway, inbound: Inbound) -> None:
    """Deletes it, for good."""
    response_id = inbound.argument
    sealed = _sealed(gateway, inbound)
    if sealed is not None:
        await _at_upstream(gateway, inbound, sealed, "DELETE")
        return
    if (await _stored(gateway, inbound)).status in ACTIVE:
        await gateway.background.cancel(response_id, inbound.caller.id)
    await gateway.responses.delete(response_id, inbound.caller.id)
    await send_json(inbound, msgspec.json.encode({"id": response_id, "object": "response", "deleted": True}))


async def cancel(gateway: Gateway, inbound: Inbound) -> None:
    """Ends a response that is made in the background."""
    sealed = _sealed(gateway, inbound)
    if sealed is not None:
        await _at_upstream(gateway, inbound, sealed, "POST", "/cancel")
        return
    stored = await _stored(gateway, inbound)
    if fields_of(stored.body).raw("background") != b"true":
        raise invalid("invalid_value", "Only background responses can be cancelled.", "response_id")
    if stored.status in ACTIVE:
        await gateway.background.cancel(inbound.argument, inbound.caller.id)
        stored = await found(gateway.responses, inbound.argument, inbound.caller) or stored
    await send_json(inbound, stored.current_body())


async def post(gateway: Gateway, inbound: Inbound) -> None:
    """404: nothing can be sent to a response itself, whatever its id."""
    raise not_found("POST", inbound.path)


def no_such_response(response_id: str) -> ApiError:
    """One and the same for a response that does not exist, has expired, was deleted, or is another's."""
    return invalid("response_not_found", f"Response with id {response_id[:260]!r} not found.", "response_id", status=404)


def _sealed(gateway: Gateway, inbound: Inbound) -> Sealed | None:
    if not WELL_FORMED.fullmatch(inbound.argument):
        raise no_such_response(inbound.argument)
    return gateway.response_ids.open(inbound.caller.id, inbound.argument)


async def _stored(gateway: Gateway, inbound: Inbound) -> StoredResponse:
    named = _named(inbound)
    stored = await found(gateway.responses, inbound.argument, inbound.caller)
    if stored is None or (named and named.name != stored.model.removeprefix(MODEL_PREFIX)):
        raise no_such_response(inbound.argument)
    inbound.record.model = stored.model
    return stored


def _named(inbound: Inbound) -> ModelEntry | None:
    """The model of the header `x-model-name`, if there is one. Raises 404 `model_not_found`."""
    name = inbound.headers.get(MODEL_HEADER)
    return resolve_model(name.decode("latin-1"), inbound.caller, inbound.catalog) if name else None


async def _stream_again(gateway: Gateway, inbound: Inbound, stored: StoredResponse, after: str) -> None:
    if not stored.streamed:
        text = "Only background responses that were created with stream=true can be streamed again."
        raise invalid("invalid_value", text, "stream")
    if not NUMBER.fullmatch(after):
        text = f"The parameter 'starting_after' must be an event's sequence number; got {after!r:.60}."
        raise invalid("invalid_value", text, "starting_after")
    inbound.record.stream = True
    await follow_response(gateway, inbound, stored.id, int(after))


async def _at_upstream(gateway: Gateway, inbound: Inbound, sealed: Sealed, method: str, suffix: str = "") -> None:
    response_id = inbound.argument
    named = _named(inbound)
    reached = model_of(sealed, Capability.RESPONSES, inbound.caller, inbound.catalog)
    if reached is None or (named and not reaches(named, sealed.target, Capability.RESPONSES, inbound.catalog)):
        raise no_such_response(response_id)
    entry, asked = reached
    inbound.record.model, inbound.record.pattern = entry.name, entry.pattern
    query = [(name, value) for name, value in _pairs(inbound) if name in PASSED]
    path = f"/{quote(sealed.upstream_id, safe='')}{suffix}" + (f"?{urlencode(query)}" if query else "")
    call = make_call(
        inbound,
        Capability.RESPONSES,
        Wire.OPENAI_RESPONSES,
        asked,
        stream=method == "GET" and dict(query).get("stream") == "true",
        pinned=sealed.target,
        response=ResponseContext(
            id=response_id, background=True, seal=partial(gateway.response_ids.seal, inbound.caller.id, asked=sealed.asked)
        ),
    )
    keep = partial(count_response, gateway, inbound)
    exchange = exchange_of(gateway, inbound, call, entry=entry, ask=partial(ask_stored, method, path), keep=keep)
    inbound.record.counted_apart = True
    try:
        await generate(exchange)
    except ApiError as error:
        if error.status == NOT_FOUND:
            raise no_such_response(response_id) from error
        error.message = error.message.replace(sealed.upstream_id, response_id)
        raise


def _pairs(inbound: Inbound) -> list[tuple[str, str]]:
    """The query; a name may stand in it more than once."""
    return parse_qsl(inbound.query.decode("latin-1"))


def _page(stored: StoredResponse, query: dict[str, str]) -> bytes:
    """A page of the items, the newest first unless `order` says otherwise."""
    items: Sequence[dict[str, Any]] = msgspec.json.decode(stored.items)
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise invalid("invalid_value", f"The parameter 'order' must be 'asc' or 'desc'; got {order!r:.60}.", "order")
    if order == "desc":
        items = items[::-1]
    limit = query.get("limit", str(USUAL_ITEMS))
    if not NUMBER.fullmatch(limit) or not 1 <= int(limit) <= MAX_ITEMS:
        text = f"The parameter 'limit' must be between 1 and {MAX_ITEMS}; got {limit!r:.60}."
        raise invalid("invalid_value", text, "limit")
    if after := query.get("after"):
        places = [place for place, item in enumerate(items) if item.get("id") == after]
        if not places:
            raise invalid("invalid_value", f"Item {after[:260]!r} not found.", "after")
        items = items[places[0] + 1 :]
    page = items[: int(limit)]
    ends = {"first_id": page[0].get("id"), "last_id": page[-1].get("id")} if page else {"first_id": None, "last_id": None}
    return msgspec.json.encode({"object": "list", "data": page, **ends, "has_more": len(items) > len(page)})
