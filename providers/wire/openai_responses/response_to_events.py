"""How is a whole response told as a stream, and which response do events end with? For upstreams that ignore `stream`.

Formats: OpenAI's OpenAPI document of August 2026 and OpenResponses specification of 2026-04-24, `/responses`. Each item is added
without what its events then tell, as clients that add events up expect it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.halves import decoded
from providers.errors import InvalidResponse, StreamTruncated
from providers.wire.openai.errors import failure_in_band
from providers.wire.openai.good_answer import answer_of
from providers.wire.openai.whole_stream import chunks_in
from providers.wire.openai_responses.relay import ENDINGS, frame_of
from providers.wire.openai_responses.told_output import told_output

Json = dict[str, Any]
MISFITS = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a value that has not the type that the format gives it."""
NOT_YET: Json = {"status": "in_progress", "output": [], "completed_at": None, "usage": None}
TEXTS: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "output_text": ("text", "content", "content_part", "output_text"),
        "refusal": ("refusal", "content", "content_part", "refusal"),
        "reasoning_text": ("text", "content", "content_part", "reasoning_text"),
        "summary_text": ("text", "summary", "reasoning_summary_part", "reasoning_summary_text"),
    }
)
"""Part → where its text stands, the item's list of such parts, and the events of the part and of its text."""
ARGUMENTS = MappingProxyType(
    {
        "function_call": ("arguments", "function_call_arguments"),
        "custom_tool_call": ("input", "custom_tool_call_input"),
        "mcp_call": ("arguments", "mcp_call_arguments"),
    }
)
"""Item → where its text stands, and the events of that."""


def response_events(body: bytes) -> bytes:
    """The events of a response, from `response.created` to its end. Raises the error that the answer carries instead, or
    `InvalidResponse`."""
    answer_of(body, "output")
    try:
        response = decoded(body)
        events = list(_told(response))
    except MISFITS as error:
        raise InvalidResponse("the response cannot be read") from error
    return b"".join(frame_of({**event, "sequence_number": number}) for number, event in enumerate(events))


def _told(response: Json) -> Iterator[Json]:
    begun = {name: NOT_YET.get(name, value) for name, value in response.items()}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for place, item in enumerate(response["output"]):
        yield from _item(item, {"item_id": item.get("id"), "output_index": place})
    last = f"response.{response.get('status') or 'completed'}"
    if last in ENDINGS:
        yield {"type": last, "response": response}


def _item(item: Json, where: Json) -> Iterator[Json]:
    output_index = where["output_index"]
    name, event = ARGUMENTS.get(item["type"], ("", ""))
    empty: Json = {"summary": [], "content": [], name: ""}
    begun = {field: empty.get(field, value) if value else value for field, value in item.items()}
    begun |= {"status": "in_progress"} if "status" in item else {}
    yield {"type": "response.output_item.added", "output_index": output_index, "item": begun}
    for parts in ("summary", "content"):
        for place, part in enumerate(item.get(parts) or ()):
            yield from _part(part, {**where, f"{parts}_index": place}, parts)
    if text := item.get(name):
        yield {"type": f"response.{event}.delta", **where, "delta": text}
        yield {"type": f"response.{event}.done", **where, name: text}
    yield {"type": "response.output_item.done", "output_index": output_index, "item": item}


def _part(part: Json, where: Json, parts: str) -> Iterator[Json]:
    name, _, part_event, text_event = TEXTS.get(part["type"], ("", "", "", ""))
    part_event = part_event or ("reasoning_summary_part" if parts == "summary" else "content_part")
    emptied = {name: "", "annotations": [], "logprobs": []}
    begun = {field: emptied.get(field, value) for field, value in part.items()}
    yield {"type": f"response.{part_event}.added", **where, "part": begun}
    if name:
        more = {"logprobs": part.get("logprobs") or []} if part["type"] == "output_text" else {}
        yield {"type": f"response.{text_event}.delta", **where, "delta": part[name], **more}
        for number, annotation in enumerate(part.get("annotations") or ()):
            told = {"annotation_index": number, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **where, **told}
        yield {"type": f"response.{text_event}.done", **where, name: part[name], **more}
    yield {"type": f"response.{part_event}.done", **where, "part": part}


def response_of(body: bytes) -> bytes:
    """The response that a stream ends with, and the items that only its events have told. Raises the error that an event
    tells, `StreamTruncated`, or `InvalidResponse`."""
    try:
        events = [event for event in chunks_in(body) if event is not None]
        failed = next((event for event in events if event.get("type") == "error"), None)
        if failed is not None:
            raise failure_in_band(failed)
        response = next((event["response"] for event in events if event.get("type") in ENDINGS), None)
        if response is None:
            raise StreamTruncated("a stream, which was not asked for, has no end")
        if not response.get("output"):
            response["output"] = told_output(sse.frame_of(msgspec.json.encode(event)) for event in events)
        return msgspec.json.encode(response)
    except MISFITS as error:
        raise InvalidResponse("an event cannot be read") from error
