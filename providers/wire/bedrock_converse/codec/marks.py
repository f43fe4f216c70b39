"""What stands behind a block of Converse, or beside it? A point of the cache, and fields that nobody knows.

Format: `bedrock-runtime` of botocore 1.44.8, `CachePointBlock`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from providers.canonical.blocks import Block
from providers.canonical.extra import Extra, Json, Place
from providers.canonical.leftovers import is_same, left, taken
from providers.canonical.tools import CacheMark
from providers.wire.bedrock_converse.codec.words import own

CACHE_POINT = "cachePoint"
DEFAULT = "default"
"""The only type of a point of the cache."""
JSON = "json"
"""What a text is called that stands in a result as JSON."""
CITED = "citationsContent"


def mark_in(value: Any, place: Place) -> CacheMark | None:
    """The mark that a point of the cache sets, None for another block, and for a point that cannot be read."""
    if not isinstance(value, dict) or not isinstance(value.get(CACHE_POINT), dict):
        return None
    inner = dict(value[CACHE_POINT])
    spelled: Json = {} if inner.get("type") == DEFAULT else {"type": inner.get("type")}
    inner.pop("type", None)
    ttl = taken(inner, "ttl", str)
    outer = {name: said for name, said in value.items() if name != CACHE_POINT}
    spelled |= {"outer": outer} if outer else {}
    lost = (*left(inner, of=f"{CACHE_POINT}."), *left(outer))
    mark = CacheMark(ttl=ttl, called=CACHE_POINT, place=place, extra=own.extra_of(inner, lost, spelled=spelled))
    return mark if is_same(mark_json(mark), value) else None


def in_order(blocks: Sequence[Block], json_of: Callable[[Block], Any]) -> list[Any]:
    """The blocks as JSON, each with its point of the cache after it."""
    return [value for block in blocks for value in _with_mark(block, json_of)]


def _with_mark(block: Block, json_of: Callable[[Block], Any]) -> Iterator[Any]:
    yield json_of(block)
    if block.cache is not None:
        yield mark_json(block.cache)


def mark_json(mark: CacheMark) -> Json:
    """The point of the cache that a mark is."""
    made: Json = {"type": own.spelled(mark.extra, "type") or DEFAULT}
    if mark.ttl is not None:
        made["ttl"] = mark.ttl
    return {CACHE_POINT: made | own.rest_of(mark.extra), **outer_of(mark.extra)}


def outer_of(extra: Extra | None) -> Json:
    """What stood beside the kind of a block."""
    return dict(own.spelled(extra, "outer") or {})
