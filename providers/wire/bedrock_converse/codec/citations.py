"""What does a text rest on? Citations of Converse, in and out.

Format: `bedrock-runtime` of botocore 1.44.8, `Citation` and `CitationsDelta`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from providers.canonical.blocks import Citation
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import left, taken
from providers.wire.bedrock_converse.codec.words import own


class Spot(NamedTuple):
    """Where a kind of location has the number of its source, and what it counts."""

    number: str
    unit: str


SPOTS: Mapping[str, Spot] = MappingProxyType(
    {
        "documentChar": Spot("documentIndex", "char"),
        "documentPage": Spot("documentIndex", "page"),
        "documentChunk": Spot("documentIndex", "block"),
        "searchResultLocation": Spot("searchResultIndex", "block"),
    }
)
WEB = "web"
BY_UNIT: Mapping[str, str] = MappingProxyType({"char": "documentChar", "page": "documentPage", "block": "documentChunk"})


def citation_of(value: Any, place: Place = ()) -> Citation:
    """The citation. Raises `TypeError` for what is none."""
    rest = dict(value)
    title = taken(rest, "title", str)
    spelled: Json = {}
    quote = _quote(rest, spelled)
    kind, said, inner = _location(rest)
    if inner:
        spelled["inner"] = inner
    extra = own.extra_of(rest, (*left(rest), *left(inner, of="location.")), spelled=spelled)
    return Citation(called=kind, title=title, quote=quote, **said, place=place, extra=extra)


def _quote(rest: Json, spelled: Json) -> str | None:
    given = rest.get("sourceContent")
    if not isinstance(given, list) or not given or not all(map(_is_text, given)):
        return None
    texts = [one["text"] for one in rest.pop("sourceContent")]
    if len(texts) > 1:
        spelled["texts"] = texts
    return "".join(texts)


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.keys() == {"text"} and isinstance(part["text"], str)


def _location(rest: Json) -> tuple[str, Json, Json]:
    """The kind, the canonical fields, and what else the location says."""
    given = rest.get("location")
    kind = next(iter(given), "") if isinstance(given, dict) and len(given) == 1 else ""
    if kind not in (*SPOTS, WEB) or not isinstance(given, dict) or not isinstance(given[kind], dict):
        return "", {}, {}
    inner = dict(rest.pop("location")[kind])
    if kind == WEB:
        return kind, {"url": taken(inner, "url", str)}, inner
    spot = SPOTS[kind]
    said = {"source": spot.number, "source_start": "start", "source_end": "end"}
    return kind, {"source_unit": spot.unit} | {field: taken(inner, name, int) for field, name in said.items()}, inner


def citation_json(citation: Citation) -> Json:
    """The citation, as it came, or as Converse would tell that of another wire."""
    texts = own.spelled(citation.extra, "texts") or []
    if citation.quote is not None and "".join(texts) != citation.quote:
        texts = [citation.quote]
    made: Json = {} if citation.title is None else {"title": citation.title}
    if texts:
        made["sourceContent"] = [{"text": text} for text in texts]
    kind = citation.called if citation.called in (*SPOTS, WEB) else _kind(citation)
    if kind:
        spot = SPOTS.get(kind)
        said = {"url": citation.url} if spot is None else _spot(citation, spot)
        inner = {name: value for name, value in said.items() if value is not None}
        made["location"] = {kind: {**inner, **(own.spelled(citation.extra, "inner") or {})}}
    return made | own.rest_of(citation.extra)


def _kind(citation: Citation) -> str:
    if citation.url is not None:
        return WEB
    return BY_UNIT.get(citation.source_unit, "") if citation.source is not None else ""


def _spot(citation: Citation, spot: Spot) -> Json:
    return {spot.number: citation.source, "start": citation.source_start, "end": citation.source_end}
