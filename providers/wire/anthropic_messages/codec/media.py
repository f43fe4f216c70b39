"""How are pictures, documents and search results read and written, and how the mark of what is to be cached?

Format: Anthropic's reference of October 2026: `image`, `document`, `search_result`, with their `source`; `cache_control`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Block, Document, Image, SearchResult, Source, SourceKind
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import CacheMark
from providers.wire.anthropic_messages.codec.words import own

CACHE = "cache_control"
EPHEMERAL = "ephemeral"
VALUES: Mapping[SourceKind, str] = MappingProxyType(
    {SourceKind.BASE64: "data", SourceKind.TEXT: "data", SourceKind.URL: "url", SourceKind.FILE: "file_id"}
)
"""Kind of a source, which is its type here → the field that holds it."""
KINDS: Mapping[Any, SourceKind] = MappingProxyType({kind.value: kind for kind in VALUES})
Blocks = Callable[[Any, Place], tuple[Block, ...] | None]
"""Reads a content; None if it is neither a text nor a list."""


def mark_of(rest: Json, place: Place) -> CacheMark | None:
    """The mark, taken out of the rest."""
    given = rest.get(CACHE)
    if type(given) is not dict:
        return None
    inner = dict(rest.pop(CACHE))
    ttl = taken(inner, "ttl", str)
    odd = inner.get("type") != EPHEMERAL
    if not odd:
        del inner["type"]
    extra = own.extra_of(inner, left(inner, silent=("type",)), spelled={"odd": True} if odd else {})
    return CacheMark(ttl=ttl, called=CACHE, place=(*place, CACHE), extra=extra)


def mark_json(mark: CacheMark) -> Json:
    made: Json = {} if own.spelled(mark.extra, "odd") else {"type": EPHEMERAL}
    return made | ({} if mark.ttl is None else {"ttl": mark.ttl}) | own.rest_of(mark.extra)


def source_of(given: Any) -> Source | None:
    """The source; None for one that cannot be read."""
    kind = KINDS.get(given.get("type")) if isinstance(given, dict) and isinstance(given.get("type"), str) else None
    if kind is None or type(given.get(VALUES[kind])) is not str:
        return None
    rest = {name: value for name, value in given.items() if name != "type"}
    value = rest.pop(VALUES[kind])
    media_type = taken(rest, "media_type", str) if rest.get("media_type") else None
    return Source(kind, value, media_type or "", own.extra_of(rest, left(rest)) if rest else None)


def source_json(source: Source) -> Json:
    made: Json = {"type": source.kind.value, VALUES[source.kind]: source.value}
    if source.media_type:
        made["media_type"] = source.media_type
    return made | own.rest_of(source.extra)


def image_of(rest: Json, place: Place) -> Image | None:
    source = source_of(rest.get("source"))
    if source is None or source.kind is SourceKind.TEXT:
        return None
    del rest["source"]
    cache = mark_of(rest, place)
    return Image(source, called="image", place=place, cache=cache, extra=own.extra_of(rest, left(rest)))


def image_json(block: Image) -> Json:
    return {"source": source_json(block.source)}


def document_of(rest: Json, place: Place, blocks: Blocks) -> Document | None:
    given, content, source, spelled = rest.get("source"), None, None, dict[str, Any]()
    if isinstance(given, dict) and given.get("type") == "content":
        content = blocks(given.get("content"), (*place, "source", "content"))
        spelled["source"] = {name: value for name, value in given.items() if name not in ("type", "content")}
    else:
        source = source_of(given)
    if content is None and source is None:
        return None
    del rest["source"]
    cache, title, context = mark_of(rest, place), taken(rest, "title", str), taken(rest, "context", str)
    citable = _citable(rest, spelled)
    extra = own.extra_of(rest, left(rest), spelled=spelled)
    return Document(source, content, title, context, citable, called="document", place=place, cache=cache, extra=extra)


def _citable(rest: Json, spelled: Json) -> bool | None:
    given = rest.get("citations")
    if type(given) is not dict:
        return None
    inner = dict(rest.pop("citations"))
    enabled: bool | None = taken(inner, "enabled", bool)
    spelled["citations"] = inner
    return enabled


def _citations_json(block: Document | SearchResult) -> Json:
    inner = own.spelled(block.extra, "citations")
    if block.citable is None and inner is None:
        return {}
    return {"citations": ({} if block.citable is None else {"enabled": block.citable}) | (inner or {})}


def document_json(block: Document, written: Callable[[tuple[Block, ...]], Any]) -> Json:
    if block.content is not None:
        said = written(block.content)
        source = {"type": "content", "content": said, **(own.spelled(block.extra, "source") or {})}
    else:
        source = {} if block.source is None else source_json(block.source)
    said = {"title": block.title, "context": block.context}
    told = {name: value for name, value in said.items() if value is not None}
    return {"source": source} | told | _citations_json(block)


def found_of(rest: Json, place: Place, blocks: Blocks) -> SearchResult | None:
    given, source = rest.get("content"), rest.get("source")
    content = blocks(given, (*place, "content")) if isinstance(given, list) else None
    if content is None or type(source) is not str:
        return None
    del rest["content"], rest["source"]
    cache, title, spelled = mark_of(rest, place), taken(rest, "title", str), dict[str, Any]()
    citable = _citable(rest, spelled)
    extra = own.extra_of(rest, left(rest), spelled=spelled)
    return SearchResult(source, content, title, citable, called="search_result", place=place, cache=cache, extra=extra)


def found_json(block: SearchResult, written: Callable[[tuple[Block, ...]], Any]) -> Json:
    made: Json = {"source": block.source, "content": written(block.content)}
    return made | ({} if block.title is None else {"title": block.title}) | _citations_json(block)
