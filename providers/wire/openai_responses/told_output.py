"""Which output have the events of a response told so far? For one that ends before its last event has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.halves import Halves
from providers.bytes.patch import fields_of, patch
from providers.bytes.pieced_text import PiecedText
from providers.wire.openai_responses.items import Json

MISFITS = (AttributeError, IndexError, KeyError, TypeError)
"""What comes of an event that another upstream has made up."""


def told_output(frames: Iterable[bytes]) -> list[Json]:
    """The items in their order; those that had not ended are incomplete."""
    items: dict[int, Json] = {}
    halves = Halves()
    for frame in frames:
        try:
            event: Any = halves.decoded(sse.data_of(frame) or b"null")
            if (take := TAKERS.get(event["type"])) is not None:
                take(items, event)
        except (ValueError, *MISFITS):
            continue
    for item in items.values():
        _join(item)
        if item.get("status") == "in_progress":
            item["status"] = "incomplete"
    return [items[place] for place in sorted(items)]


def ended(body: bytes, status: str, frames: Iterable[bytes], changes: dict[str, bytes | None]) -> bytes:
    """The response as it ends with that status, from what it was at its beginning and the events since."""
    output = msgspec.json.encode(told_output(frames))
    return patch(fields_of(body), {"status": msgspec.json.encode(status), "output": output, **changes})


def _more(holder: Json, name: str, delta: str) -> None:
    """Adds to a text, which is a `PiecedText` from then on. Raises one of `MISFITS` for what is no text."""
    text = holder[name]
    if not isinstance(text, PiecedText):
        text = holder[name] = PiecedText(text + "")
    text.add(delta + "")


def _join(item: Json) -> None:
    """Makes texts of the `PiecedText` in an item."""
    parts = [part for name in ("content", "summary") for part in item.get(name) or () if isinstance(part, dict)]
    for holder in (item, *parts):
        holder |= {name: str(text) for name, text in holder.items() if isinstance(text, PiecedText)}


def _item(items: dict[int, Json], event: Json) -> None:
    place, item = event["output_index"], event["item"]
    parts = (item.get("content") or [], item.get("summary") or [])
    if isinstance(place, int) and all(isinstance(told, list) for told in parts):
        items[place] = item


def _part(items: dict[int, Json], event: Json) -> None:
    place = event["content_index"]
    items[event["output_index"]]["content"][place : place + 1] = [event["part"]]


def _summary(items: dict[int, Json], event: Json) -> None:
    place = event["summary_index"]
    items[event["output_index"]]["summary"][place : place + 1] = [event["part"]]


def _text(items: dict[int, Json], event: Json) -> None:
    part = items[event["output_index"]]["content"][event["content_index"]]
    _more(part, "text", event["delta"])
    part.setdefault("logprobs", []).extend(event.get("logprobs") or ())


def _refusal(items: dict[int, Json], event: Json) -> None:
    _more(items[event["output_index"]]["content"][event["content_index"]], "refusal", event["delta"])


def _annotation(items: dict[int, Json], event: Json) -> None:
    part = items[event["output_index"]]["content"][event["content_index"]]
    part.setdefault("annotations", []).append(event["annotation"])


def _of_item(name: str) -> Callable[[dict[int, Json], Json], None]:
    def add(items: dict[int, Json], event: Json) -> None:
        _more(items[event["output_index"]], name, event["delta"])

    return add


def _of_summary(items: dict[int, Json], event: Json) -> None:
    _more(items[event["output_index"]]["summary"][event["summary_index"]], "text", event["delta"])


TAKERS: Mapping[str, Callable[[dict[int, Json], Json], None]] = MappingProxyType(
    {
        "response.output_item.added": _item,
        "response.output_item.done": _item,
        "response.content_part.added": _part,
        "response.content_part.done": _part,
        "response.output_text.delta": _text,
        "response.output_text.annotation.added": _annotation,
        "response.refusal.delta": _refusal,
        "response.function_call_arguments.delta": _of_item("arguments"),
        "response.custom_tool_call_input.delta": _of_item("input"),
        "response.reasoning_summary_part.added": _summary,
        "response.reasoning_summary_part.done": _summary,
        "response.reasoning_summary_text.delta": _of_summary,
    }
)
