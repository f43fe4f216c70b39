"""Which parts of an item say what blocks of another wire say?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Audio, Block, Document, Image, Refusal, SearchResult, SourceKind, Text
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.errors import Unsupported
from providers.wire.openai_responses.codec.parts import marked

Make = Callable[[Any], Json | None]


def _text(block: Text) -> Json:
    return {"type": "input_text", "text": block.text}


def _output_text(block: Text) -> Json:
    return {"type": "output_text", "text": block.text, "annotations": []}


def _refusal(block: Refusal) -> Json:
    return {"type": "refusal", "refusal": block.text}


def _image(block: Image) -> Json | None:
    detail = block.detail or "auto"
    if block.source.kind is SourceKind.FILE:
        return {"type": "input_image", "file_id": block.source.value, "detail": detail}
    url = block.source.url()
    return {"type": "input_image", "image_url": url, "detail": detail} if url else None


def _audio(block: Audio) -> Json | None:
    source = block.source
    if source is None or source.kind is not SourceKind.BASE64:
        return None
    form = block.format or source.media_type.partition("/")[2]
    return {"type": "input_audio", "input_audio": {"data": source.value, **({"format": form} if form else {})}}


def _document(block: Document) -> Json | None:
    if block.content is not None:
        text = "".join(one.text for one in block.content if isinstance(one, Text))
        return {"type": "input_text", "text": f"{block.title}:\n{text}" if block.title else text}
    if block.source is None:
        return None
    named = {"filename": block.title} if block.title is not None else {}
    kind, value = block.source.kind, block.source.value
    if kind is SourceKind.TEXT:
        return {"type": "input_text", "text": f"{block.title}:\n{value}" if block.title else value}
    if kind is SourceKind.FILE:
        return {"type": "input_file", "file_id": value} | named
    if kind is SourceKind.BASE64:
        data = block.source.url() if block.source.media_type else value
        return {"type": "input_file", "file_data": data} | named
    return {"type": "input_file", ("file_data" if value.startswith("data:") else "file_url"): value} | named


def _found(block: SearchResult) -> Json:
    text = "".join(one.text for one in block.content if isinstance(one, Text))
    return {"type": "input_text", "text": "\n".join(line for line in (block.title, block.source, text) if line)}


INPUT: Mapping[type, Make] = MappingProxyType(
    {Text: _text, Image: _image, Audio: _audio, Document: _document, SearchResult: _found}
)
OUTPUT: Mapping[type, Make] = MappingProxyType({Text: _output_text, Refusal: _refusal})


def input_parts(blocks: Sequence[Block], losses: Losses) -> list[Json]:
    """What anybody but the assistant said. Raises 400 `Unsupported` for blocks that there are no parts for."""
    return _parts(blocks, INPUT, losses)


def output_parts(blocks: Sequence[Block], losses: Losses) -> list[Json]:
    """What the assistant said. Raises as `input_parts`."""
    return _parts(blocks, OUTPUT, losses)


def _parts(blocks: Sequence[Block], known: Mapping[type, Make], losses: Losses) -> list[Json]:
    made = []
    for block in blocks:
        make = known.get(type(block))
        part = make(block) if make else None
        if part is None and type(block) not in (*INPUT, *OUTPUT):
            continue  # the losses have it
        if part is None:
            message = f"This model's provider cannot take a part of type {block.called!r} like this."
            raise Unsupported(400, message, code="invalid_value", param=exact(block.place))
        made.append(part | marked(block.cache))
    return made
