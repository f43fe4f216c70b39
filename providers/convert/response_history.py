"""What was said up to a response that lies at an upstream? Its input items and its output, asked for there.

Format: OpenAI's OpenAPI document of August 2026, `/responses/{id}` and `/responses/{id}/input_items`. The list is the whole
context, earlier turns included: so OpenAI answers, and so Alibaba's reference describes it ("for multi-turn conversations
chained by previous_response_id, the returned list also includes … earlier turns"). An upstream that lists nothing that a model
has made lists only the last turn; the turns before are then asked for one by one.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import msgspec

from providers.bytes.halves import decoded
from providers.bytes.patch import Fields
from providers.errors import CallerError, InvalidResponse
from providers.protocols import Responses
from providers.transport import Transport
from providers.types import Action, Call, Reply, Target
from providers.wire.openai_responses.history import carried
from providers.wire.openai_responses.items import Json

MAX_PAGES, PAGE = 50, 100
MAX_TURNS = 50
MAX_BYTES = 64 * 1024 * 1024
NO_FIELDS = Fields(b"{}", {})
NOT_FOUND = 404
MADE = frozenset({"function_call", "custom_tool_call", "reasoning", "compaction"})
"""Items that only a model makes."""
UNFINISHED = ("queued", "in_progress")


async def history(call: Call, upstream_id: str, transport: Transport, target: Target) -> list[Json]:
    """The items in their order, as any provider takes them. Raises `ProviderError`, 400 for more than `MAX_PAGES` pages of a
    turn or `MAX_TURNS` turns."""
    asking = call.with_body(b"", NO_FIELDS, stream=False).with_response(action=Action.CREATE)
    response = await _object(target, asking, transport, _place(upstream_id))
    if response.get("status") in UNFINISHED:
        raise CallerError(400, "The previous response is still in progress.", code="invalid_value", param="previous_response_id")
    items: list[Json] = []
    for _ in range(MAX_TURNS):
        listed = await _listed(target, asking, transport, _place(upstream_id))
        items = [*listed, *_list(response, "output"), *items]
        before = response.get("previous_response_id") or ""
        if not isinstance(before, str):
            raise InvalidResponse("previous_response_id is no text")
        upstream_id = before
        if not upstream_id or any(item.get("type") in MADE or item.get("role") == "assistant" for item in listed):
            return carried(items)  # the earlier turns are among them
        try:
            response = await _object(target, asking, transport, _place(upstream_id))
        except CallerError as error:
            if error.upstream_status == NOT_FOUND:
                return carried(items)  # there is no more to be had
            raise
    raise _too_long()


async def _listed(target: Target, asking: Call, transport: Transport, place: str) -> list[Json]:
    items: list[Json] = []
    after, size = "", 0
    for _ in range(MAX_PAGES):
        page = await _object(target, asking, transport, f"{place}/input_items?order=asc&limit={PAGE}{after}")
        found = _list(page, "data")
        items += found
        size += len(msgspec.json.encode(found))
        last = page.get("last_id") or (found[-1].get("id") if found else None)
        if not page.get("has_more") or not last:
            return items
        if size > MAX_BYTES:
            break
        after = f"&after={quote(str(last), safe='')}"
    raise _too_long()


def _place(upstream_id: str) -> str:
    return f"/{quote(upstream_id, safe='')}"


def _too_long() -> CallerError:
    message = "The conversation is too long to be copied from its provider."
    return CallerError(400, message, code="invalid_value", param="previous_response_id")


async def _object(target: Target, call: Call, transport: Transport, path: str) -> Json:
    reply = await cast(Responses, target.adapter).ask_response(call, transport, "GET", path)
    if not isinstance(reply, Reply):
        raise InvalidResponse("a stream was not asked for")
    value: Json = decoded(reply.body)
    return value


def _has_a_type(item: Json) -> bool:
    return isinstance(item.get("type", ""), str) and isinstance(item.get("role", ""), str)


def _list(value: Json, name: str) -> list[Json]:
    found: Any = value.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) and _has_a_type(item) for item in found):
        raise InvalidResponse(f"{name} is no list of items")
    return found
