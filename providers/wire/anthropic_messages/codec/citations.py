"""How are citations read and written?

Format: Anthropic's reference of October 2026, "Citations": `char_location`, `page_location`, `content_block_location`,
`search_result_location`, `web_search_result_location`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Citation
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.signature import Signature, carried
from providers.types import Wire
from providers.wire.anthropic_messages.codec.words import WIRE, own

UNITS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "char_location": ("char", "start_char_index", "end_char_index"),
        "page_location": ("page", "start_page_number", "end_page_number"),
        "content_block_location": ("block", "start_block_index", "end_block_index"),
        "search_result_location": ("block", "start_block_index", "end_block_index"),
    }
)
"""Type → in what it counts, and the fields that say where it begins and ends."""
TYPES: Mapping[str, str] = MappingProxyType({"char": "char_location", "page": "page_location", "block": "content_block_location"})
WEB, FOUND = "web_search_result_location", "search_result_location"
SEALED = ("encrypted_index", "source", "type")
"""Fields that say nothing to others."""


def citation_of(citation: Any, place: Place) -> Citation:
    """The citation. Raises `TypeError` for what is no object."""
    if type(citation) is not dict:
        raise TypeError("a citation is no object")
    rest = dict(citation)
    kind = taken(rest, "type", str)
    said: Json = {"quote": taken(rest, "cited_text", str), "url": taken(rest, "url", str), "file_id": taken(rest, "file_id", str)}
    if kind in UNITS:
        unit, start, end = UNITS[kind]
        index, title = _names(kind)
        said |= {"source": taken(rest, index, int), "title": taken(rest, title, str), "source_unit": unit}
        said |= {"source_start": taken(rest, start, int), "source_end": taken(rest, end, int)}
    else:
        said["title"] = taken(rest, "title", str)
    extra = own.extra_of(rest, left(rest, silent=SEALED), spelled={} if kind is not None else {"untyped": True})
    return Citation(called=kind or "", **said, place=place, extra=extra)


def _names(kind: str) -> tuple[str, str]:
    return ("search_result_index", "title") if kind == FOUND else ("document_index", "document_title")


def citation_json(citation: Citation) -> Json:
    """A citation that came in this wire, as it was."""
    kind = citation.called
    made: Json = {} if own.spelled(citation.extra, "untyped") else {"type": kind}
    said: Json = {"cited_text": citation.quote, "url": citation.url, "file_id": citation.file_id}
    if kind in UNITS:
        _, start, end = UNITS[kind]
        index, title = _names(kind)
        said |= {index: citation.source, title: citation.title, start: citation.source_start, end: citation.source_end}
    else:
        said["title"] = citation.title
    return made | {name: value for name, value in said.items() if value is not None} | own.rest_of(citation.extra)


def foreign_json(citation: Citation, maker: Wire) -> Json | None:
    """The citation of another wire: of the web, or of a document. What its vendor alone may tell is marked as not its own."""
    if citation.url is not None:
        index = carried(Signature("", maker), WIRE)
        said = {"cited_text": citation.quote or "", "url": citation.url, "title": citation.title, "encrypted_index": index}
        return {"type": WEB, **said}
    kind = TYPES.get(citation.source_unit)
    if kind is None or citation.source is None:
        return None
    _, start, end = UNITS[kind]
    made: Json = {"type": kind, "cited_text": citation.quote or "", "document_index": citation.source}
    made |= {"document_title": citation.title, start: citation.source_start or 0, end: citation.source_end or 0}
    return made | ({"file_id": citation.file_id} if citation.file_id is not None else {})
