"""How is a tool call read and written, in a message?

Format: OpenAI's OpenAPI document of November 2026, `tool_calls` (`function`, `custom`), and `function_call` of the time before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from providers.canonical.blocks import Opaque, ToolCall
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.signature import Signature, carried, signature_in
from providers.canonical.tools import CallKind
from providers.wire.openai_chat.codec.leftovers import extra_of, rest_of, spelled
from providers.wire.openai_chat.codec.words import WIRE

ARGUMENTS = {CallKind.FUNCTION: "arguments", CallKind.CUSTOM: "input", CallKind.SEARCH: "arguments"}
"""Kind of a call → where its text stands."""
OPAQUE = "tool_call"
"""What a call is called that cannot be read."""
GOOGLE = "google"
SIGNATURE = "thought_signature"


def call_block(call: Any, place: Place, odd: Callable[[Place, str], None], *, answer: bool = False) -> ToolCall | Opaque:
    """The call. One without a name cannot be made of anything; in a request, it needs an id, too."""
    kind = CallKind.CUSTOM if isinstance(call, dict) and call.get("type") == "custom" else CallKind.FUNCTION
    inner = call.get(kind.value) if isinstance(call, dict) else None
    known = answer or (isinstance(call, dict) and type(call.get("id")) is str and call["id"])
    if known and isinstance(inner, dict) and type(inner.get("name")) is str and inner["name"]:
        return _call(dict(call), kind, dict(inner), place)
    message = "A tool call needs an 'id' and what it calls, with its 'name'."
    if answer:
        odd(place, "a tool call has no name")
    need = Need(message, place, "missing_required_parameter")
    value = call if isinstance(call, dict) else {"value": call}
    return Opaque(WIRE, value, need, called=OPAQUE, place=place, extra=extra_of({}, spelled={"bare": value is not call}))


def _call(rest: Json, kind: CallKind, inner: Json, place: Place) -> ToolCall:
    del rest[kind.value]
    name = inner.pop("name")
    text, odd = arguments_in(inner, ARGUMENTS[kind])
    called = taken(rest, "type", str) or ""
    call_id = taken(rest, "id", str) if rest.get("id") else None
    signature = _signature(rest)
    lost = (*left(rest, silent=("index",)), *left(inner, of=f"{kind.value}."))
    extra = extra_of(rest, lost, spelled=({"inner": inner} if inner else {}) | odd)
    return ToolCall(name, text, call_id, kind, signature=signature, called=called, place=place, extra=extra)


def arguments_in(inner: Json, name: str) -> tuple[str, Json]:
    """The text of the arguments, and how they were spelled if they were none: a few send an object."""
    value = inner.get(name)
    if value is None:
        return "", {"untold": True}
    del inner[name]
    return (value, {}) if type(value) is str else (msgspec.json.encode(value).decode(), {"raw": value})


def _signature(rest: Json) -> Signature | None:
    """Gemini's, where nothing else stands beside it."""
    google = rest.get("extra_content")
    inner = google.get(GOOGLE) if isinstance(google, dict) and len(google) == 1 else None
    if not isinstance(inner, dict) or len(inner) != 1 or type(inner.get(SIGNATURE)) is not str:
        return None
    del rest["extra_content"]
    return signature_in(inner[SIGNATURE], WIRE)


def old_call_block(call: Json, place: Place, odd: Callable[[Place, str], None]) -> ToolCall:
    """A call of the time before tools, in an answer."""
    inner = dict(call)
    name = taken(inner, "name", str)
    if not name:
        odd(place, "a tool call has no name")
    text, spelling = arguments_in(inner, "arguments")
    return ToolCall(name or "", text, called="function_call", place=place, extra=extra_of(inner, left(inner), spelled=spelling))


def call_of(block: ToolCall | Opaque) -> Any:
    """The call, as it was."""
    if isinstance(block, Opaque):
        return block.value["value"] if spelled(block.extra, "bare") else block.value
    kind = CallKind.CUSTOM if block.kind is CallKind.CUSTOM else CallKind.FUNCTION
    inner = {**(spelled(block.extra, "inner") or {}), "name": block.name, **_arguments(block)}
    made: Json = {kind.value: inner, **rest_of(block.extra)}
    if block.called:
        made["type"] = block.called
    if block.call_id is not None:
        made["id"] = block.call_id
    if block.signature is not None:
        made["extra_content"] = signed(block.signature)
    return made


def signed(signature: Signature) -> Json:
    """Where Gemini's endpoint of OpenAI's format has signatures of calls."""
    return {GOOGLE: {SIGNATURE: carried(signature, WIRE)}}


def old_call_of(block: ToolCall) -> Json:
    return {**rest_of(block.extra), "name": block.name, **_arguments(block)}


def _arguments(block: ToolCall) -> Json:
    raw = spelled(block.extra, "raw")
    if raw is not None and msgspec.json.encode(raw).decode() == block.arguments:
        return {ARGUMENTS[block.kind]: raw}
    untold = spelled(block.extra, "untold") and not block.arguments
    return {} if untold else {ARGUMENTS[block.kind]: block.arguments}
