"""What does a block of Converse say?

Format: `bedrock-runtime` of botocore 1.44.8, `ContentBlock`, `SystemContentBlock`, `ToolResultContentBlock`: an object with one
field, which is its kind. A point of the cache is a block of its own there and a mark of the block before it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Audio,
    Block,
    Document,
    HostedCall,
    HostedResult,
    Image,
    Opaque,
    Reasoning,
    SearchResult,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import is_same, left, taken
from providers.canonical.signature import signature_in
from providers.wire.bedrock_converse.codec.block_json import block_json
from providers.wire.bedrock_converse.codec.citations import citation_of
from providers.wire.bedrock_converse.codec.marks import CACHE_POINT, CITED, JSON, mark_in
from providers.wire.bedrock_converse.codec.sources import AUDIOS, DOCUMENTS, IMAGES, VIDEOS, Formats, source_in
from providers.wire.bedrock_converse.codec.words import WIRE, own

BARE = frozenset({"text", JSON})
"""Kinds under which there is no object."""
Made = tuple[type[Any], Json] | None
"""The type of a block and its fields, None for what cannot be read."""
Read = Callable[[Any, Json, Json, Place], Made]
"""Reads what stands under the kind. Of the first object it takes what it knows, in the second it notes how that was spelled."""


def blocks_of(values: Any, place: Place, *, answer: bool = False) -> tuple[Block, ...]:
    """The blocks of a content. Raises `TypeError` for what is no list."""
    found: list[Block] = []
    for number, value in enumerate(values):
        mark = mark_in(value, (*place, number)) if found and found[-1].cache is None else None
        if mark is not None:
            found[-1] = msgspec.structs.replace(found[-1], cache=mark)
        else:
            found.append(block_of(value, (*place, number), answer=answer))
    return tuple(found)


def block_of(value: Any, place: Place, *, answer: bool = False) -> Block:
    """The block. One that cannot be read, in a request, must not be left out, unless it says nothing to the model."""
    kind = next((name for name in value if name in READ), None) if isinstance(value, dict) else None
    if kind is not None:
        if kind == "text" and len(value) == 1 and type(value[kind]) is str:  # so it is with most
            return Text(value[kind], called=kind, place=place)
        block = _read(kind, value, place)
        if block is not None and is_same(block_json(block), value):  # else it says something in a way that has no place here
            return block
    called = next(iter(value), "") if isinstance(value, dict) else ""
    silent = answer or called == CACHE_POINT
    message = f"This model's provider cannot take a block of the kind {called!r} like this."
    whole = value if isinstance(value, dict) else {"value": value}
    extra = own.extra_of({}, spelled={"bare": True}) if whole is not value else None
    return Opaque(WIRE, whole, None if silent else Need(message, place), called=called, place=place, extra=extra)


def _read(kind: str, value: Json, place: Place) -> Block | None:
    given = value[kind]
    if not isinstance(given, dict) and kind not in BARE:
        return None
    rest: Json = dict(given) if isinstance(given, dict) else {}
    spelled: Json = {}
    made = READ[kind](given, rest, spelled, (*place, kind))
    if made is None:
        return None
    outer = {name: said for name, said in value.items() if name != kind}
    if outer:
        spelled["outer"] = outer
    extra = own.extra_of(rest, (*left(rest, of=f"{kind}."), *left(outer)), spelled=spelled)
    block: Block = made[0](called=kind, place=place, extra=extra, **made[1])
    return block


def _text(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    return (Text, {"text": given}) if type(given) is str else None


def _json(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    rest.clear()
    spelled[JSON] = True
    return Text, {"text": msgspec.json.encode(given).decode()}


def _media(kind: type[Any], formats: Formats) -> Read:
    def read(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
        source = source_in(rest, formats, spelled)
        return None if source is None else (kind, {"source": source})

    return read


def _audio(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    form = rest.get("format")
    source = source_in(rest, AUDIOS, spelled)
    if source is None:
        return None
    spelled.pop("format", None)
    return Audio, {"source": source, "format": form if type(form) is str else None}


def _document(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    source = source_in(rest, DOCUMENTS, spelled)
    content = None if source is not None else _content(rest, place)
    if source is None and content is None:
        return None
    if source is None and (form := taken(rest, "format", str)):
        spelled["format"] = form
    citable = _citable(rest)
    said = {"title": taken(rest, "name", str), "context": taken(rest, "context", str)}
    return Document, {"source": source, "content": content, "citable": citable, **said}


def _content(rest: Json, place: Place) -> tuple[Block, ...] | None:
    """The blocks of which a document is made."""
    given = rest.get("source")
    if not isinstance(given, dict) or given.keys() != {"content"} or not isinstance(given["content"], list):
        return None
    del rest["source"]
    return blocks_of(given["content"], (*place, "source", "content"))


def _citable(rest: Json) -> bool | None:
    given = rest.get("citations")
    if isinstance(given, dict) and given.keys() == {"enabled"} and type(given["enabled"]) is bool:
        del rest["citations"]
        return bool(given["enabled"])
    return None


def _found(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    if not isinstance(rest.get("content"), list) or type(rest.get("source")) is not str:
        return None
    content = blocks_of(rest.pop("content"), (*place, "content"))
    said = {"source": rest.pop("source"), "title": taken(rest, "title", str), "citable": _citable(rest)}
    return SearchResult, {"content": content, **said}


def _reasoning(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    sealed = taken(rest, "redactedContent", str)
    if sealed is not None:
        return Reasoning, {"sealed": signature_in(sealed, WIRE)}
    inner = rest.get("reasoningText")
    if not isinstance(inner, dict) or type(inner.get("text", "")) is not str:
        return None
    inner = dict(rest.pop("reasoningText"))
    text, signature = taken(inner, "text", str), taken(inner, "signature", str)
    if text is None:
        spelled["untold"] = True
    if inner:
        spelled["inner"] = inner
    return Reasoning, {"text": text or "", "signature": None if signature is None else signature_in(signature, WIRE)}


def _cited(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    contents, citations = rest.get("content"), rest.get("citations")
    if contents is not None and not (isinstance(contents, list) and all(map(_is_text, contents))):
        return None
    if citations is not None and not (isinstance(citations, list) and all(isinstance(one, dict) for one in citations)):
        return None
    texts = [one["text"] for one in contents or ()]
    spelled |= {CITED: True, "texts": None if contents is None else texts}
    if citations is None:
        spelled["no citations"] = True
    rest.pop("content", None)
    rest.pop("citations", None)
    made = tuple(citation_of(one, (*place, "citations", number)) for number, one in enumerate(citations or ()))
    return Text, {"text": "".join(texts), "citations": made}


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"text"} and type(value["text"]) is str


def _call(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    name, call_id = taken(rest, "name", str), taken(rest, "toolUseId", str)
    if not name:
        return None
    if "input" in rest:
        arguments = msgspec.json.encode(rest.pop("input")).decode()
    else:
        arguments, spelled["untold"] = "", True
    said = {"name": name, "arguments": arguments, "call_id": call_id}
    return (HostedCall if rest.get("type") is not None else ToolCall), said


def _result(given: Any, rest: Json, spelled: Json, place: Place) -> Made:
    content = rest.get("content")
    if not isinstance(content, list):
        return None
    del rest["content"]
    status = rest.get("status")
    if status in ("error", "success"):
        del rest["status"]
    said: Json = {"call_id": taken(rest, "toolUseId", str), "is_error": STATUSES.get(status) if type(status) is str else None}
    if rest.get("type") is not None:
        return HostedResult, {"wire": WIRE, "name": "", "output": content, **said}
    return ToolResult, {"content": blocks_of(content, (*place, "content")), **said}


STATUSES: Mapping[str, bool] = MappingProxyType({"error": True, "success": False})
READ: Mapping[str, Read] = MappingProxyType(
    {
        "text": _text,
        JSON: _json,
        "image": _media(Image, IMAGES),
        "video": _media(Video, VIDEOS),
        "audio": _audio,
        "document": _document,
        "searchResult": _found,
        "reasoningContent": _reasoning,
        CITED: _cited,
        "toolUse": _call,
        "toolResult": _result,
    }
)
