"""How is a tool call read and written? Its arguments are an object; in the canonical form they are text.

Format: Ollama of August 2026, `api/types.go`: `{"id", "function": {"index", "name", "arguments"}}`; older servers give no id.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.canonical.blocks import Opaque, ToolCall
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import taken
from providers.wire.ollama.codec.leftovers import extra_of, left, rest_of, spelled
from providers.wire.ollama.codec.words import WIRE

CALLED = "tool_call"
SILENT = ("index", "type")
"""What stands beside a call and says nothing."""


def call_block(call: Any, place: Place) -> ToolCall | Opaque:
    """The call; one without a name cannot be made of anything, and must not be left out."""
    inner = call.get("function") if isinstance(call, dict) else None
    if not isinstance(inner, dict) or type(inner.get("name")) is not str or not inner["name"]:
        need = Need("A tool call needs 'function' with a 'name'.", place, "missing_required_parameter")
        value = call if isinstance(call, dict) else {"value": call}
        return Opaque(WIRE, value, need, called=CALLED, place=place, extra=extra_of({}, spelled={"bare": value is not call}))
    rest, inner = {name: value for name, value in call.items() if name != "function"}, dict(inner)
    name = inner.pop("name")
    text, spelling = _arguments_in(inner)
    call_id = taken(rest, "id", str) if rest.get("id") else None
    lost = (*left(rest, silent=SILENT), *left(inner, of="function.", silent=SILENT))
    extra = extra_of(rest, lost, spelled=spelling | ({"inner": inner} if inner else {}))
    return ToolCall(name, text, call_id, called=CALLED, place=place, extra=extra)


def _arguments_in(inner: Json) -> tuple[str, Json]:
    """The text of the arguments, and how they came: as an object, or as a text, as some clients send them."""
    value = inner.get("arguments")
    if value is None:
        return "", {"untold": True}
    del inner["arguments"]
    return (value, {"text": True}) if type(value) is str else (msgspec.json.encode(value).decode(), {"raw": value})


def call_of(block: ToolCall | Opaque) -> Any:
    """The call, as it came."""
    if isinstance(block, Opaque):
        return block.value["value"] if spelled(block.extra, "bare") else block.value
    inner: Json = {**(spelled(block.extra, "inner") or {}), "name": block.name, **_arguments(block)}
    made: Json = {"function": inner, **rest_of(block.extra)}
    return made if block.call_id is None else {"id": block.call_id} | made


def _arguments(block: ToolCall) -> Json:
    if spelled(block.extra, "untold") and not block.arguments:
        return {}
    if spelled(block.extra, "text"):
        return {"arguments": block.arguments}
    raw = spelled(block.extra, "raw")
    if raw is not None and msgspec.json.encode(raw).decode() == block.arguments:
        return {"arguments": raw}
    return {"arguments": object_of(block.arguments)[0]}


def object_of(text: str) -> tuple[Json, bool]:
    """Arguments as an object, and whether they are one. Models write other things; those are kept under a name, so that a
    client which reads objects still sees them."""
    try:
        value = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return {"arguments": text}, False
    return (value, True) if isinstance(value, dict) else ({"arguments": value}, False)
