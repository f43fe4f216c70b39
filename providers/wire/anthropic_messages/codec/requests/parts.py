"""Which content blocks say what blocks of another wire say?

Texts and pictures, documents and search results: what else a client has sent for the model to look at is refused, not left out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.bytes.data_url import taken_apart
from providers.canonical.blocks import Audio, Block, Document, Image, Refusal, SearchResult, Source, SourceKind, Text, Told, Video
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.tools import CacheMark
from providers.errors import Unsupported
from providers.wire.anthropic_messages.codec.media import CACHE, EPHEMERAL, VALUES

PDF, PLAIN = "application/pdf", "text/plain"
STARTS: Mapping[str, str] = MappingProxyType(
    {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lG": "image/gif", "UklG": "image/webp", "JVBER": PDF}
)
"""How base64 begins → what it is, where nobody tells."""
TYPES: Mapping[str, str] = MappingProxyType({"image/jpg": "image/jpeg", "application/x-pdf": PDF})
TTLS = ("5m", "1h")


def parts_of(blocks: Sequence[Block], losses: Losses) -> list[Json]:
    """The blocks of a content, without those that are left out and named. Raises 400 `Unsupported` for what must not be."""
    made: list[Json] = []
    for block in blocks:
        make = MAKERS.get(type(block))
        part = make(block) if make is not None else None  # the losses have others
        if part is not None:
            made.append(part if block.cache is None else part | marked(block.cache, losses))
    return made


def texts_of(blocks: Sequence[Block], losses: Losses) -> list[Json]:
    """As `parts_of`, where only a text may stand; anything else is named."""
    for block in blocks:
        if not isinstance(block, Text | Refusal) and type(block) in MAKERS:
            losses.whole(block)
    return parts_of([block for block in blocks if isinstance(block, Text | Refusal)], losses)


def marked(mark: CacheMark, losses: Losses) -> Json:
    """The mark of what is to be cached, for as long as can be said here."""
    made: Json = {"type": EPHEMERAL}
    if mark.ttl is not None:
        made["ttl"] = mark.ttl if mark.ttl in TTLS else TTLS[1]
        if mark.ttl not in TTLS:
            losses.field(mark, "ttl")
    return {CACHE: made}


def refusal_of(block: Told) -> Unsupported:
    message = f"This model's provider cannot take a part of type {block.called!r} like this."
    return Unsupported(400, message, code="invalid_value", param=exact(block.place))


def _text(block: Text | Refusal) -> Json | None:
    """Anthropic refuses a text without a character that is no blank."""
    return {"type": "text", "text": block.text} if block.text and not block.text.isspace() else None


def _image(block: Image) -> Json:
    source = _source(block.source, "image")
    if source is None:
        raise refusal_of(block)
    return {"type": "image", "source": source}


def _document(block: Document) -> Json:
    source: Json | None
    if block.content is not None:
        inner = [part for one in block.content if (part := _inner(one)) is not None]
        source = {"type": "content", "content": inner}
    else:
        source = None if block.source is None else _file(block.source)
    if source is None:
        raise refusal_of(block)
    made = {"type": "document", "source": source}
    said = {"title": block.title, "context": block.context}
    made |= {name: value for name, value in said.items() if value is not None}
    return made | _citations(block.citable)


def _inner(block: Block) -> Json | None:
    if not isinstance(block, Text | Image):
        raise refusal_of(block)
    return _text(block) if isinstance(block, Text) else _image(block)


def _citations(citable: bool | None) -> Json:
    return {} if citable is None else {"citations": {"enabled": citable}}


def _source(source: Source, main: str) -> Json | None:
    """The source of a picture or a file; None for one that lies at another vendor's."""
    kind, value, media_type = source.kind, source.value, source.media_type
    apart = taken_apart(value) if kind is SourceKind.URL else None
    if apart is not None:
        head = value[5 : value.index(";")].lower()
        kind, media_type, value = SourceKind.BASE64, head, apart[1]
    elif kind is SourceKind.URL:
        return {"type": "url", "url": value} if value.startswith(("https://", "http://")) else None
    if kind is not SourceKind.BASE64:
        return None
    media_type = media_type or next((known for start, known in STARTS.items() if value.startswith(start)), f"{main}/png")
    return {"type": "base64", "media_type": TYPES.get(media_type, media_type), VALUES[kind]: value}


def _file(source: Source) -> Json | None:
    if source.kind is SourceKind.TEXT:
        return {"type": "text", "media_type": PLAIN, "data": source.value}
    made = _source(source, "application")
    if made is None or made["type"] == "url" or made["media_type"] == PDF:
        return made
    if not made["media_type"].startswith("text/") and made["media_type"] != "application/json":
        return None
    try:  # a document of base64 is a PDF; any text is one in the open
        text = base64.b64decode(made["data"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return {"type": "text", "media_type": PLAIN, "data": text}


def _found(block: SearchResult) -> Json:
    inner = [text for one in block.content if isinstance(one, Text) and (text := _text(one)) is not None]
    made: Json = {"type": "search_result", "source": block.source, "title": block.title or block.source, "content": inner}
    return made | _citations(block.citable)


def _never(block: Audio | Video) -> Json:
    raise refusal_of(block)


MAKERS: Mapping[type, Callable[[Any], Json | None]] = MappingProxyType(
    {
        Text: _text,
        Refusal: _text,
        Image: _image,
        Document: _document,
        SearchResult: _found,
        Audio: _never,
        Video: _never,
    }
)
