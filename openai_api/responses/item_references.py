"""Which items does a request name without repeating them? Those of the conversation before it, and of responses that are kept.

`{"type": "item_reference", "id"}`, or an id alone, in the input stands for an item. The ids that the gateway gives tell whose
items they are; those of upstreams mean something to these alone, and stay.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from models_catalog.snapshot import Client
from openai_api.responses.store import ResponseStore, StoredResponse
from providers.bytes.patch import fields_of, patch
from providers.ids import response_of
from providers.types import Call
from providers.wire.openai_responses.items import Json

REFERENCE = "item_reference"
ID, MARK = b'"id"', b'"item_reference"'
ALONE = re.compile(rb'\{\s*+"id"\s*+:\s*+"[^"\\]*+"\s*+(?:,\s*+"type"\s*+:\s*+null\s*+)?\}')
"""An object of an id alone. To look for these costs more than for `ID`, which most bodies do not hold."""
MAX_RESPONSES = 64
"""Responses that are looked up for one request."""


async def with_references(call: Call, client: Client, store: ResponseStore) -> Call:
    """The call with the items that it names, as far as they are known; those that are in it already are not said twice. Raises
    503 when they cannot be looked up."""
    if ID not in call.body or not (MARK in call.body or ALONE.search(call.body)):
        return call
    items: Any = msgspec.json.decode(call.fields.raw("input") or b"null")
    if not isinstance(items, list):
        return call
    named = [_named(item) for item in items]
    there = {item["id"] for item, name in zip(items, named, strict=True) if name is None and _has_id(item)}
    known: dict[str, Json] = {}
    wanted = [response_of(name) for name in named if name is not None and name not in there]
    for response_id in dict.fromkeys(filter(None, wanted[:MAX_RESPONSES])):
        stored = await store.get(response_id, client.id)
        known |= _items_of(stored) if stored else {}
    made = [known.get(name or "", item) for item, name in zip(items, named, strict=True) if name not in there]
    return call.with_body(patch(call.fields, {"input": msgspec.json.encode(made)}))


def _named(item: Any) -> str | None:
    """The id that an item refers to; None for one that is an item itself."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return None
    kind, name = item.get("type"), item["id"]
    return name if kind == REFERENCE or (kind is None and item.keys() <= {"id", "type"}) else None


def _has_id(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)


def _items_of(stored: StoredResponse) -> dict[str, Json]:
    output: list[Json] = msgspec.json.decode(fields_of(stored.body).raw("output") or b"[]")
    items: list[Json] = msgspec.json.decode(stored.items)
    return {item["id"]: item for item in (*items, *output) if _has_id(item)}
