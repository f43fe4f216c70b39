"""How is a conversation made shorter where the upstream cannot? By a summary, which takes the place of all but the user's words.

Format: OpenAI's OpenAPI document of August 2026 and OpenResponses specification of 2026-04-24, `/responses/compact`: the
output is all messages of the user and one item `compaction`, whose `encrypted_content` only its maker can read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from providers.bytes.patch import Fields, fields_of, patch
from providers.errors import InvalidResponse
from providers.types import Usage
from providers.wire.openai.usage import estimated_tokens
from providers.wire.openai_responses.items import Json, refused
from providers.wire.openai_responses.response_object import usage_object

Open = Callable[[str], str | None]
"""The summary of an `encrypted_content`; None for another maker's. Raises `ValueError` if it cannot be opened."""
MARK = b'"compaction"'
ASK = (
    "Summarise the conversation so far, for somebody who has to carry it on and can see nothing but your summary and what the"
    " user wrote. Say what is wanted, which instructions still hold, what was done, found out and decided, the results of"
    " tools as far as they still matter (names, numbers and identifiers exactly), and what is left to be done. Answer with"
    " the summary alone; call no tool, and do not carry the conversation on."
)
SUMMARY = "Summary of the conversation so far, in place of what is left out here:\n\n"
PASSED = ("model", "instructions", "tools", "reasoning", "service_tier", "prompt_cache_key", "prompt_cache_options",
          "prompt_cache_retention", "safety_identifier", "user")  # fmt: skip
"""Fields of the request that count for the summary too."""
KNOWN = frozenset({*PASSED, "input", "previous_response_id", "parallel_tool_calls", "tool_choice", "store", "stream", "image"})
AT_UPSTREAM = ("prompt", "conversation")
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def opened(fields: Fields, open_summary: Open) -> Fields:
    """The request with compactions of the gateway's own as messages with their summaries; others stay as they are.

    Raises 400 for one that was made for another key, or changed.
    """
    raw = fields.raw("input") or b""
    if MARK not in raw or not raw.startswith(b"["):
        return fields
    items = _items(raw)
    read = {place: message for place, item in enumerate(items) if (message := _opened(item, open_summary, place))}
    if not read:
        return fields
    return fields_of(patch(fields, {"input": msgspec.json.encode([read.get(place, item) for place, item in enumerate(items)])}))


def _opened(raw: msgspec.Raw, open_summary: Open, place: int) -> Json | None:
    if MARK not in bytes(raw):
        return None
    item = msgspec.json.decode(raw)
    content = item.get("encrypted_content") if isinstance(item, dict) and item.get("type") == "compaction" else None
    try:
        summary = open_summary(content) if isinstance(content, str) else None
    except ValueError as error:
        raise refused("This compaction cannot be read: it was made for another key, or changed.", f"input[{place}]") from error
    return None if summary is None else message_of("user", SUMMARY + summary)


def message_of(role: str, text: str) -> Json:
    """A message of one text."""
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def asking_summary(request: Json, items: list[Json]) -> Json:
    """The request for a response that sums these items up. Raises 400 for what lies at an upstream."""
    for name in AT_UPSTREAM:
        if request.get(name) is not None:
            raise refused(f"This model's provider cannot compact a {name!r}.", name)
    if not items:
        raise refused("There is nothing to compact: the field 'input' is empty.", "input")
    asked = {name: request[name] for name in PASSED if request.get(name) is not None}
    choice = {"tool_choice": "none"} if request.get("tools") else {}
    return {**asked, **choice, "input": [*items, message_of("user", ASK)], "store": False}


def left_out(request: Json) -> tuple[str, ...]:
    """The fields of a request that have no effect."""
    return tuple(name for name, value in request.items() if value is not None and name not in KNOWN and "::" not in name)


def summary_of(response: Json) -> str:
    """What the model said. Raises `InvalidResponse` if that is nothing."""
    try:
        messages = [item for item in response.get("output") or () if item.get("type") == "message"]
        parts = [part for message in messages for part in message.get("content") or () if part.get("type") == "output_text"]
        text = "".join(part.get("text") or "" for part in parts).strip()
    except (AttributeError, TypeError) as error:
        raise InvalidResponse("the output is no list of items") from error
    if not text:
        raise InvalidResponse("the model gave no summary")
    return text


def kept(items: list[Json], mint: Callable[[str], str]) -> list[Json]:
    """The messages of the user, as an output lists them."""
    return [_kept(item, mint) for item in items if item.get("role") == "user" and item.get("type") in (None, "message")]


def _kept(item: Json, mint: Callable[[str], str]) -> Json:
    content = item.get("content")
    parts = [{"type": "input_text", "text": content or ""}] if content is None or isinstance(content, str) else content
    return {**item, "id": item.get("id") or mint("msg"), "type": "message", "status": "completed", "content": parts}


def guessed_usage(sent: int, text: str) -> Usage:
    """What a summary is likely to have used, of a request of that many bytes."""
    return Usage(input_tokens=estimated_tokens(sent), output_tokens=estimated_tokens(len(text.encode())))


def compaction(response_id: str, created_at: int, output: list[Json], usage: Usage) -> Json:
    """The object that `/responses/compact` answers with."""
    made: dict[str, Any] = {"id": response_id, "object": "response.compaction", "created_at": created_at}
    return {**made, "output": output, "usage": usage_object(usage)}
