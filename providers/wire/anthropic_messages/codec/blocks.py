"""What does a content block say? The same in a request and in an answer.

Format: Anthropic's reference of October 2026, content blocks of Messages, and the beta blocks of its Python SDK 2.14. A type that
others have no word for, and any type that is not known, is opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Block,
    Citation,
    Compaction,
    HostedCall,
    HostedResult,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.signature import Signature, signature_in
from providers.errors import InvalidResponse
from providers.wire.anthropic_messages.codec.citations import citation_of
from providers.wire.anthropic_messages.codec.media import document_of, found_of, image_of, mark_of
from providers.wire.anthropic_messages.codec.words import WIRE, own

WHOLE_TEXT = "content"
"""What a text is called that is the whole content."""
REDACTED = "redacted:"
"""How the value of sealed thoughts begins, wherever they travel: other wires have one field for them and for the signature of
thoughts that can be read, which are different blocks here. No signature has a colon."""
RESULT = "_tool_result"
"""How the types end of what a tool of the upstream has brought."""
REFERENCE = "tool_reference"
"""A tool that a search of the client has found: to others, a text that names it."""
NO_CALLER = {"type": "direct"}
"""The `caller` of a tool that the model calls itself."""
Read = Callable[[Json, str, Place, bool], Block | None]


def blocks_of(content: list[Any], place: Place, *, answer: bool = False) -> tuple[Block, ...]:
    """The blocks of a list."""
    return tuple(block_of(value, (*place, number), answer=answer) for number, value in enumerate(content))


def block_of(value: Any, place: Place, *, answer: bool = False) -> Block:
    """The block. One of a known type that cannot be read must not be left out of a request; in an answer it is the upstream's
    fault. Raises `InvalidResponse`."""
    if type(value) is not dict:
        return _unreadable({"value": value}, "None", place, answer, bare=True)
    kind = value.get("type")
    if kind == "text" and len(value) == 2 and type(value.get("text")) is str:  # so it is with most
        return Text(value["text"], called="text", place=place)
    read = READ.get(kind) if isinstance(kind, str) else None
    if read is None:
        if isinstance(kind, str) and kind.endswith(RESULT) and (result := _hosted_result(value, kind, place)):
            return result
        return Opaque(WIRE, value, called=str(kind), place=place)
    rest = {name: said for name, said in value.items() if name != "type"}
    return read(rest, str(kind), place, answer) or _unreadable(value, str(kind), place, answer)


def _unreadable(value: Json, kind: str, place: Place, answer: bool, *, bare: bool = False) -> Opaque:
    if answer:
        raise InvalidResponse(f"a block of type {kind!r} cannot be read")
    need = Need(f"A content block of type {kind!r} cannot be read.", place)
    return Opaque(WIRE, value, need, called=kind, place=place, extra=own.extra_of({}, spelled={"bare": True}) if bare else None)


def content_of(content: Any, place: Place) -> tuple[Block, ...] | None:
    """The blocks of a content that is a text or a list; None for anything else."""
    if type(content) is str:
        return (Text(content, called=WHOLE_TEXT, place=place),)
    return blocks_of(content, place) if type(content) is list else None


# What is said and thought


def _text(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    cache, text = mark_of(rest, place), taken(rest, "text", str)
    if text is None:
        return None
    given, citations = rest.get("citations"), tuple[Citation, ...]()
    if type(given) is list and given and all(type(one) is dict for one in given):
        del rest["citations"]
        citations = tuple(citation_of(one, (*place, "citations", number)) for number, one in enumerate(given))
    silent = () if given else ("citations",)
    return Text(text, citations, called=kind, place=place, cache=cache, extra=own.extra_of(rest, left(rest, silent=silent)))


def _thinking(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    text = taken(rest, "thinking", str)
    if text is None and (rest.get("thinking") is not None or not answer):
        return None
    spelled: Json = {} if text is not None else {"untold": True}
    signature = None
    if rest.get("signature") and type(rest["signature"]) is str:
        given = rest.pop("signature")
        signature = signature_in(given, WIRE)
        if not signature.value:  # the gateway's own mark of thoughts that nobody has signed
            signature, spelled["unsigned"] = None, given
    extra = own.extra_of(rest, left(rest, silent=("signature",)), spelled=spelled)
    return Reasoning(text or "", signature=signature, called=kind, place=place, cache=mark_of(rest, place), extra=extra)


def _redacted(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    data = taken(rest, "data", str)
    if not data:
        return None
    sealed = signature_in(data, WIRE)
    if sealed.wire is WIRE:
        sealed = Signature(REDACTED + data, WIRE)
    return Reasoning(sealed=sealed, called=kind, place=place, extra=own.extra_of(rest, left(rest)))


def _compaction(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    cache, text, sealed = mark_of(rest, place), taken(rest, "content", str), taken(rest, "encrypted_content", str)
    signature = None if sealed is None else signature_in(sealed, WIRE)
    extra = own.extra_of(rest, left(rest, silent=("signature",)))
    return Compaction(text, signature, called=kind, place=place, cache=cache, extra=extra)


# Tools


def _input(rest: Json) -> str | None:
    """The arguments, taken out; None for what is no object, which stays."""
    given = rest.get("input")
    if type(given) is not dict:
        return None
    del rest["input"]
    return msgspec.json.encode(given).decode()


def _lost(rest: Json) -> tuple[str, ...]:
    return tuple(name for name in left(rest) if rest[name] != NO_CALLER)


def _call(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    name, call_id = rest.get("name"), rest.get("id")
    if not (type(name) is str and name and (answer or (type(call_id) is str and call_id))):
        return None
    if type(rest.get("input")) is not dict and not answer:
        return None
    del rest["name"]
    known = taken(rest, "id", str) if call_id else None
    cache, arguments = mark_of(rest, place), _input(rest) or ""
    extra = own.extra_of(rest, _lost(rest)) if rest else None
    return ToolCall(name, arguments, known, called=kind, place=place, cache=cache, extra=extra)


def _result(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    call_id = taken(rest, "tool_use_id", str)
    given = rest.get("content")
    content = () if given is None else _result_content(given, (*place, "content"))
    if not call_id or content is None:
        return None
    if given is not None:
        del rest["content"]
    cache, is_error = mark_of(rest, place), taken(rest, "is_error", bool)
    extra = own.extra_of(rest, _lost(rest), spelled={"parts": True} if given == [] else {})
    return ToolResult(content, call_id, is_error=is_error, called=kind, place=place, cache=cache, extra=extra)


def _result_content(given: Any, place: Place) -> tuple[Block, ...] | None:
    return content_of(given, place)


def _reference(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    name = taken(rest, "tool_name", str)
    if not name:
        return None
    return Text(name, called=kind, place=place, cache=mark_of(rest, place), extra=own.extra_of(rest, left(rest)))


def _hosted_call(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    name = taken(rest, "name", str)
    if not name:
        return None
    cache, known, arguments = mark_of(rest, place), taken(rest, "id", str), _input(rest) or ""
    extra = own.extra_of(rest, _lost(rest))
    return HostedCall(name, arguments, known, called=kind, place=place, cache=cache, extra=extra)


def _hosted_result(value: Json, kind: str, place: Place) -> Block | None:
    if "content" not in value:
        return None
    rest = {name: said for name, said in value.items() if name not in ("type", "content")}
    cache, call_id, is_error = mark_of(rest, place), taken(rest, "tool_use_id", str), taken(rest, "is_error", bool)
    name, extra = kind.removesuffix(RESULT), own.extra_of(rest, _lost(rest))
    return HostedResult(WIRE, name, value["content"], call_id, is_error, called=kind, place=place, cache=cache, extra=extra)


def _image(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    return image_of(rest, place)


def _document(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    return document_of(rest, place, content_of)


def _found(rest: Json, kind: str, place: Place, answer: bool) -> Block | None:
    return found_of(rest, place, content_of)


READ: Mapping[str, Read] = MappingProxyType(
    {
        "text": _text,
        "thinking": _thinking,
        "redacted_thinking": _redacted,
        "compaction": _compaction,
        "tool_use": _call,
        "tool_result": _result,
        REFERENCE: _reference,
        "server_tool_use": _hosted_call,
        "mcp_tool_use": _hosted_call,
        "image": _image,
        "document": _document,
        "search_result": _found,
    }
)
"""Type → what reads the rest of it; None from that is a block which cannot be read."""
