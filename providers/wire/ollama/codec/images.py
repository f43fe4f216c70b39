"""How is a picture read and written? As base64 alone: what kind of picture it is, its first bytes tell.

Format: Ollama of August 2026, `api/types.go`, `ImageData`: base64 in JSON, without a `data:` before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.bytes.data_url import HEAD
from providers.canonical.blocks import Image, Opaque, Source, SourceKind
from providers.canonical.extra import Need, Place
from providers.wire.ollama.codec.leftovers import extra_of, spelled
from providers.wire.ollama.codec.words import WIRE

CALLED = "images"
BASE64 = re.compile(r"[A-Za-z0-9+/\r\n]+={0,2}[\r\n]*")
DATA = "data:"
KINDS: Mapping[str, str] = MappingProxyType(
    {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp", "Qk": "image/bmp"}
)
"""How base64 of a picture begins → its type."""


def image_block(value: Any, place: Place) -> Image | Opaque:
    """The picture. A `data:` URL, which Ollama itself refuses, is taken too."""
    if isinstance(value, str) and value.startswith(DATA):
        return Image(Source(SourceKind.URL, value), called=CALLED, place=place)
    if isinstance(value, str) and BASE64.fullmatch(value):
        kind = next((kind for head, kind in KINDS.items() if value.startswith(head)), "")
        return Image(Source(SourceKind.BASE64, value, kind), called=CALLED, place=place)
    need = Need("An image must be base64.", place)
    return Opaque(WIRE, {"value": value}, need, called=CALLED, place=place, extra=extra_of({}, spelled={"bare": True}))


def image_of(block: Image | Opaque) -> Any:
    """The picture, as it came."""
    if isinstance(block, Opaque):
        return block.value["value"] if spelled(block.extra, "bare") else block.value
    return block.source.value


def base64_of(source: Source) -> str | None:
    """The base64 of a picture of any wire; None for one that stands elsewhere."""
    if source.kind is SourceKind.BASE64:
        return source.value
    head = HEAD.match(source.value) if source.kind is SourceKind.URL else None
    return source.value[head.end() :] if head else None
