"""What is left of a frame when the canonical events have been taken out, and how does it become the frame again?

`Extra.fields` has the frame under "frame", without the piece of text of a delta ("delta" is true then), and without the texts
of a closing event that are sums of pieces.
"""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json
from providers.wire.openai_responses.codec.streams.sums import Key, Sums

PARTS = {
    "response.output_text.done": ("content", "content_index", "text"),
    "response.refusal.done": ("content", "content_index", "refusal"),
    "response.reasoning_text.done": ("content", "content_index", "text"),
    "response.reasoning.done": ("content", "content_index", "text"),
    "response.reasoning_summary_text.done": ("summary", "summary_index", "text"),
    "response.function_call_arguments.done": ("arguments", "", "arguments"),
    "response.custom_tool_call_input.done": ("input", "", "input"),
}
"""Closing events of a text: the list or field of the item, which says where in it, and the field of the event."""
WHOLE_PARTS = {
    "response.content_part.done": ("content", "content_index"),
    "response.reasoning_summary_part.done": ("summary", "summary_index"),
}
ITEM = "response.output_item.done"
ENDINGS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


def left_of(frame: Json, sums: Sums, delta: str | None) -> Json:
    """What is left. `delta` is the piece of text that an event tells."""
    if delta is not None:
        return {"frame": {name: said for name, said in frame.items() if name != "delta"}, "delta": True}
    kind = frame.get("type")
    if kind in PARTS:
        what, place, field = PARTS[kind]
        key = (frame.get("output_index"), what, frame.get(place) or 0 if place else 0)
        if frame.get(field) is not None and frame[field] == sums.text(key):
            return {"frame": {name: said for name, said in frame.items() if name != field}, "sum": (key, field)}
    elif kind in WHOLE_PARTS:
        what, place = WHOLE_PARTS[kind]
        part, found = sums.cut_part(frame.get("part"), (frame.get("output_index"), what, frame.get(place) or 0))
        return {"frame": {**frame, "part": part}, "part": found} if found else {"frame": frame}
    elif kind == ITEM:
        item, found = sums.cut(frame.get("item"), frame.get("output_index"))
        return {"frame": {**frame, "item": item}, "item": found} if found else {"frame": frame}
    elif kind in ENDINGS and isinstance(frame.get("response"), dict):
        return _ending(frame, sums)
    return {"frame": frame}


def _ending(frame: Json, sums: Sums) -> Json:
    output = frame["response"].get("output")
    if not isinstance(output, list):
        return {"frame": frame}
    cut = [sums.cut(item, index) for index, item in enumerate(output)]
    if not any(found for _, found in cut):
        return {"frame": frame}
    response = {**frame["response"], "output": [item for item, _ in cut]}
    return {"frame": {**frame, "response": response}, "items": [found for _, found in cut]}


def frame_again(left: Json, sums: Sums, delta: str | None) -> Json | None:
    """The frame, with the texts as they were told; None for a piece that nobody tells any more."""
    frame: Json = left["frame"]
    if left.get("delta"):
        return None if delta is None else {**frame, "delta": delta}
    if "sum" in left:
        key, field = left["sum"]
        return {**frame, field: sums.text(key) or ""}
    if "part" in left:
        found: list[tuple[Key, str]] = left["part"]
        return {**frame, "part": {**frame["part"], **{name: sums.text(key) or "" for key, name in found}}}
    if "item" in left:
        return {**frame, "item": sums.fill(frame["item"], left["item"])}
    if "items" in left:
        output: list[Any] = frame["response"]["output"]
        filled = [sums.fill(item, found) if found else item for item, found in zip(output, left["items"], strict=True)]
        return {**frame, "response": {**frame["response"], "output": filled}}
    return frame
