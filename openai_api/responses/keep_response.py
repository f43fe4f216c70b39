"""What is kept of a response that the gateway made itself? Its items and its object, before the client hears its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import msgspec

from models_catalog.snapshot import Client
from openai_api.errors import ApiError, StoreUnavailable
from openai_api.responses.store import ResponseStore, StoredResponse, input_items
from providers.ids import item_ids
from providers.offload import offload
from providers.types import Call, Target
from providers.wire.openai_responses.items import Json
from providers.wire.openai_responses.response_object import item_without_secrets

log = logging.getLogger("gateway.responses")
_raw_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
MADE = frozenset({"id", "status", "type"})
"""What is made up where it is null or left out."""
STATED = frozenset({"function_call", "function_call_output"})
"""Items that have a status."""


async def keep_response(store: ResponseStore, call: Call, client: Client, target: Target, body: bytes) -> None:
    """Keeps the response unless the request says otherwise or its upstream does. A store that is away loses it, and says so.
    What is not to be stored is remembered by the WebSocket connection, if it came over one."""
    try:
        await store.remember(call, client.id, target, body)
        if target.keeps_responses or call.fields.raw("store") == b"false":
            return
        items = await offload(len(call.body), identified_items, call)
        await store.put(StoredResponse(call.response.id, client.id, call.model, items, body, time.time()))
    except StoreUnavailable:
        log.error("response not stored: the database is unavailable", extra={"request_id": call.request_id})
    except ApiError:
        log.warning("response not stored: its input is not a list of items", extra={"request_id": call.request_id})


def identified_items(call: Call) -> bytes:
    """The items as they are listed: each with an id and a type, and messages with parts. Raises 400 `ApiError`s."""
    named = item_ids(call.response.id, "i")
    written = BytesIO()
    for item in _one_by_one(call):
        written.write(b"," if written.tell() else b"[")
        written.write(msgspec.json.encode(_identified(item, named)))
    written.write(b"]" if written.tell() else b"[]")
    return written.getvalue()


def _one_by_one(call: Call) -> Iterator[Json]:
    """The items; of a list there is never more than one as an object of Python, for it may have very many."""
    _, start, stop = call.fields.spans.get("input", (0, 0, 0))
    if call.fields.body[start : start + 1] != b"[":
        yield from input_items(call)
        return
    for one in _raw_items(memoryview(call.fields.body)[start:stop]):
        item = msgspec.json.decode(one)
        if not isinstance(item, dict):
            input_items(call)  # raises
        yield item


def _identified(item: Json, named: Callable[[str], str]) -> Json:
    known = {name: value for name, value in item_without_secrets(item).items() if value is not None or name not in MADE}
    if "role" in item:
        return {"id": named("msg"), "type": "message", "status": "completed", **known, "content": _parts(item)}
    more = {"status": "completed"} if item.get("type") in STATED else {}
    return {"id": named("item"), **more, **known}


def _parts(message: Json) -> Any:
    content = message.get("content")
    if isinstance(content, str):
        content = [{"type": "output_text" if message["role"] == "assistant" else "input_text", "text": content}]
    if not isinstance(content, list):
        return content
    return [_annotated(part) if isinstance(part, dict) and part.get("type") == "output_text" else part for part in content]


def _annotated(part: Json) -> Json:
    return part if part.get("annotations") is not None else {**part, "annotations": []}
