"""Which parts of a chat message say what blocks of another wire say?

Texts and pictures, files and sound: what else a client has sent for the model to look at is refused, not left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.data_url import taken_apart
from providers.canonical.blocks import Audio, Block, Document, Image, Refusal, SearchResult, SourceKind, Text, Told, Video
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.errors import Unsupported
from providers.wire.openai_chat.codec.content import BREAKPOINT, audio_part, document_part, image_part, marked

Said = str | list[Json]
"""A content: one text, or parts."""
SOUNDS = MappingProxyType({"mpeg": "mp3", "x-wav": "wav"})


def parts_of(blocks: Sequence[Block], losses: Losses) -> list[Json | None]:
    """A part of each block, None for one that is left out, and named. Raises 400 `Unsupported` for what must not be."""
    return [_part(block, losses) for block in blocks]


def _part(block: Block, losses: Losses) -> Json | None:
    make = MAKERS.get(type(block))
    if make is None:
        return None  # the losses have it
    made = make(block)
    if made is None:
        message = f"This model's provider cannot take a part of type {block.called!r} like this."
        raise Unsupported(400, message, code="invalid_value", param=exact(block.place))
    return made


def _text(block: Text) -> Json:
    return {"type": "text", "text": block.text, **marked(block.cache)}


def _image(block: Image) -> Json | None:
    return image_part(block) | {"type": "image_url"} if block.source.url() else None


def _document(block: Document) -> Json | None:
    if block.content is not None or (block.source and block.source.kind is SourceKind.TEXT):
        text = block.source.value if block.source else "".join(_texts(block.content or ()))
        return {"type": "text", "text": f"{block.title}:\n{text}" if block.title else text}
    kind, value = (block.source.kind, block.source.value) if block.source else ("", "")
    sendable = kind in (SourceKind.FILE, SourceKind.BASE64) or (kind is SourceKind.URL and value.startswith("data:"))
    return document_part(block) if sendable else None


def _audio(block: Audio) -> Json | None:
    source = block.source
    if source is None or source.kind not in (SourceKind.BASE64, SourceKind.URL):
        return None
    data, form = source.value, block.format or source.media_type.partition("/")[2]
    if source.kind is SourceKind.URL:
        apart = taken_apart(source.value)
        if apart is None:
            return None
        form, data = apart
    made = msgspec.structs.replace(block, format=SOUNDS.get(form, form) or None)
    return audio_part(made) | {"input_audio": {"data": data, **({"format": made.format} if made.format else {})}}


def _found(block: SearchResult) -> Json:
    """What a search of the client found, as a text."""
    text = "".join(_texts(block.content))
    return {"type": "text", "text": "\n".join(line for line in (block.title, block.source, text) if line)}


def _texts(blocks: Sequence[Block]) -> Iterator[str]:
    return (block.text for block in blocks if isinstance(block, Text))


def _refusal(block: Refusal) -> Json:
    return {"type": "text", "text": block.text}


def _never(block: Told) -> None:
    return None


MAKERS: Mapping[type, Callable[[Any], Json | None]] = MappingProxyType(
    {
        Text: _text,
        Image: _image,
        Document: _document,
        Audio: _audio,
        SearchResult: _found,
        Refusal: _refusal,
        Video: _never,
    }
)


def joined(parts: Sequence[Json]) -> str:
    """The texts as one."""
    return "".join(part["text"] for part in parts if part["type"] == "text")


def only_text(parts: Sequence[Json]) -> Said:
    """The texts as one, which every upstream takes; as parts only where one of them ends what is to be cached."""
    texts = [part for part in parts if part["type"] == "text"]
    return texts if any(BREAKPOINT in part for part in texts) else joined(texts)


def compact(parts: list[Json]) -> Said:
    """One text is sent as a text: some upstreams know nothing else."""
    if not parts:
        return ""
    return parts[0]["text"] if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def in_turn(contents: Sequence[Said]) -> Said:
    """Several contents, one after the other."""
    if all(isinstance(said, str) for said in contents):
        return "\n\n".join(str(said) for said in contents)
    return [part for said in contents for part in ([{"type": "text", "text": said}] if isinstance(said, str) else said)]
