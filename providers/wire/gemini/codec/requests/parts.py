"""Which parts of a content say what blocks of another wire say?

Texts and files of any kind; what else a client has sent for the model to look at is refused, not left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    Refusal,
    SearchResult,
    SourceKind,
    Text,
    Video,
)
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.errors import Unsupported
from providers.wire.gemini.codec.media import audio_type, media_part
from providers.wire.gemini.codec.words import WIRE

PDF = "application/pdf"
RESULTS = frozenset({"text", "inlineData", "fileData"})
"""What the result of a function may hold."""


def parts_of(blocks: Sequence[Block], losses: Losses, *, answered: bool = False, of_result: bool = False) -> list[Json]:
    """The parts of blocks, without those that are left out and named. Raises 400 `Unsupported` for what must not be; of what
    the model itself has `answered`, anything may be left out."""
    made: list[Json] = []
    for block in blocks:
        make = MAKERS.get(type(block))
        if make is None:
            losses.whole(block)
            continue
        parts = make(block)
        if parts is None and answered:
            losses.whole(block)
        elif parts is None:
            message = f"This model's provider cannot take a part of type {block.called!r} like this."
            raise Unsupported(400, message, code="invalid_value", param=exact(block.place))
        elif of_result and not all(RESULTS & part.keys() for part in parts):
            losses.whole(block)
        else:
            made += parts
    return made


def texts_of(blocks: Sequence[Block], losses: Losses) -> list[Json]:
    """The texts among blocks, where nothing else can stand."""
    made: list[Json] = []
    for block in blocks:
        parts = parts_of([block], losses)
        made += [part for part in parts if "text" in part]
        if any("text" not in part for part in parts):
            losses.whole(block)
    return made


Parts = list[Json] | None


def _text(block: Text | Refusal) -> Parts:
    return [{"text": block.text}] if block.text else []


def _media(block: Image | Video) -> Parts:
    part = media_part(block.source)
    return None if part is None else [part]


def _audio(block: Audio) -> Parts:
    if block.source is None:
        return [{"text": block.transcript}] if block.transcript else None
    part = media_part(block.source, audio_type(block.format))
    return None if part is None else [part]


def _document(block: Document) -> Parts:
    if block.content is not None or (block.source and block.source.kind is SourceKind.TEXT):
        texts = [one.text for one in block.content or () if isinstance(one, Text)]
        said = "".join(texts) if block.source is None else block.source.value
        told = "\n".join(line for line in (block.title, block.context, said) if line)
        return [{"text": told}] if told else []
    if block.source is None:
        return None
    part = media_part(block.source, PDF if (block.title or "").lower().endswith(".pdf") else "")
    if part is None:
        return None
    told = "\n".join(line for line in (block.title, block.context) if line)
    return [{"text": told}, part] if told else [part]


def _found(block: SearchResult) -> Parts:
    """What a search of the client found, as a text."""
    text = "".join(one.text for one in block.content if isinstance(one, Text))
    return [{"text": "\n".join(line for line in (block.title, block.source, text) if line)}]


def _hosted_call(block: HostedCall) -> Parts:
    if block.called != "executableCode":
        return []
    code: Json = msgspec.json.decode(block.arguments or "{}")
    return [{"executableCode": code | ({"id": block.call_id} if block.call_id else {})}]


def _hosted_result(block: HostedResult) -> Parts:
    return [{block.called: block.output}] if block.wire is WIRE else []


def _opaque(block: Opaque) -> Parts:
    return [block.value] if block.wire is WIRE else []


MAKERS: Mapping[type, Callable[[Any], Parts]] = MappingProxyType(
    {
        Text: _text,
        Refusal: _text,
        Image: _media,
        Video: _media,
        Audio: _audio,
        Document: _document,
        SearchResult: _found,
        HostedCall: _hosted_call,
        HostedResult: _hosted_result,
        Opaque: _opaque,
    }
)
