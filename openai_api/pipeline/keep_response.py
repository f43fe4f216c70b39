"""What is kept of a response that the gateway made itself? Its items and its object, before the client hears its end."""

from __future__ import annotations

import logging
import time

import msgspec

from models_catalog.snapshot import Client
from openai_api.connection_responses import ConnectionResponses
from openai_api.errors import ApiError
from openai_api.responses import ResponseStore, StoredResponse, StoreUnavailable, input_items
from providers.aside import aside
from providers.ids import mint
from providers.types import Call, Target
from providers.wire.responses_tools import Json

log = logging.getLogger("gateway.responses")


async def keep_response(store: ResponseStore, call: Call, client: Client, target: Target, body: bytes) -> None:
    """Keeps the response unless the request says otherwise or its upstream does. A store that is away loses it, and says so.
    What is not to be stored is remembered by the WebSocket connection, if it came over one."""
    stored = call.fields.raw("store") != b"false"
    if target.keeps_responses and stored:
        return
    try:
        if not stored:
            if isinstance(store, ConnectionResponses):
                await aside(len(call.body) + len(body), store.remember, call, client.id, target, body)
            return
        items = await aside(len(call.body), identified_items, call)
        await store.put(StoredResponse(call.response_id, client.id, call.model, items, body, time.time()))
    except StoreUnavailable:
        log.error("a response could not be stored", extra={"request_id": call.request_id})
    except ApiError:
        log.warning("a response to what is no list of items is not stored", extra={"request_id": call.request_id})


def identified_items(call: Call) -> bytes:
    """The items as they are listed: each with an id and a type, and messages with parts. Raises 400 `ApiError`s."""
    items = ({"id": mint("item")} | item if "role" not in item else _message(item) for item in input_items(call))
    return msgspec.json.encode(list(items))


def _message(item: Json) -> Json:
    content = item.get("content")
    if isinstance(content, str):
        written = {"type": "output_text", "annotations": []} if item["role"] == "assistant" else {"type": "input_text"}
        content = [{**written, "text": content}]
    return {"id": mint("msg"), "type": "message", "status": "completed", **item, "content": content}
