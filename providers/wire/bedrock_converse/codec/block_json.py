"""How is a block written in Converse? As it came, or as Converse tells what another wire has said.

Format: `bedrock-runtime` of botocore 1.44.8, `ContentBlock`. What another wire calls by a name that Converse does not allow (a
document, a call) gets one from whoever writes the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Audio,
    Block,
    Compaction,
    Document,
    HostedCall,
    HostedResult,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    SearchResult,
    Source,
    SourceKind,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from providers.canonical.extra import Json
from providers.canonical.leftovers import NOTHING
from providers.canonical.signature import carried
from providers.wire.bedrock_converse.codec.citations import citation_json
from providers.wire.bedrock_converse.codec.marks import CITED, JSON, in_order, outer_of
from providers.wire.bedrock_converse.codec.sources import AUDIOS, DOCUMENTS, IMAGES, VIDEOS, Formats, format_of, source_json
from providers.wire.bedrock_converse.codec.words import WIRE, own

NAMELESS = "document"
NO_SOURCE = Source(SourceKind.BASE64, "")


def block_json(block: Block) -> Json | None:
    """The block, None for one that Converse has no word for, or not from there (an address of the web)."""
    if isinstance(block, Opaque):
        return None if block.wire is not WIRE else block.value["value"] if own.spelled(block.extra, "bare") else block.value
    write = WRITE.get(type(block))
    return write(block) if write is not None else None


def _whole(block: Any, kind: str, inner: Any) -> Json:
    """The block of that kind, with what else it said."""
    if isinstance(inner, dict):
        inner = {**inner, **own.rest_of(block.extra)}
    return {kind: inner, **outer_of(block.extra)}


def _text(block: Text) -> Json:
    if block.citations or own.spelled(block.extra, CITED):
        return _whole(block, CITED, cited_json(block))
    if own.spelled(block.extra, JSON):
        return {JSON: msgspec.json.decode(block.text), **outer_of(block.extra)}
    return _whole(block, "text", block.text)


def cited_json(block: Text) -> Json:
    """A text with what it rests on."""
    texts = own.spelled(block.extra, "texts")
    if "".join(texts or ()) != block.text:
        texts = [block.text]
    made: Json = {} if texts is None else {"content": [{"text": one} for one in texts]}
    if block.citations or not own.spelled(block.extra, "no citations"):
        made["citations"] = [citation_json(one) for one in block.citations]
    return made


def _refusal(block: Refusal) -> Json:
    return {"text": block.text}


def _compaction(block: Compaction) -> Json | None:
    return None if block.text is None else {"text": block.text}


def _reasoning(block: Reasoning) -> Json:
    if block.sealed is not None:
        return _whole(block, "reasoningContent", {"redactedContent": carried(block.sealed, WIRE)})
    inner: Json = {} if own.spelled(block.extra, "untold") and not block.text else {"text": block.text}
    if block.signature is not None:
        inner["signature"] = carried(block.signature, WIRE)
    return _whole(block, "reasoningContent", {"reasoningText": {**inner, **(own.spelled(block.extra, "inner") or {})}})


def _media(kind: str, formats: Formats) -> Callable[[Any], Json | None]:
    def write(block: Any) -> Json | None:
        return sourced(block, kind, formats, block.source)

    return write


def sourced(block: Any, kind: str, formats: Formats, source: Source | None, more: Json = NOTHING) -> Json | None:
    """A block with a source and a format, None if Converse cannot have either."""
    given = source_json(source or NO_SOURCE)
    is_own = block.extra is not None and block.extra.wire is WIRE
    form = own.spelled(block.extra, "format") or format_of(source or NO_SOURCE, formats, getattr(block, "title", None))
    if given is None or (form is None and not is_own and kind != "document"):
        return None
    said = {name: value for name, value in more.items() if value is not None}
    return _whole(block, kind, ({} if form is None else {"format": form}) | said | {"source": given})


def _audio(block: Audio) -> Json | None:
    is_own = block.extra is not None and block.extra.wire is WIRE
    if block.format is None or (block.format not in AUDIOS and not is_own):
        return sourced(block, "audio", AUDIOS, block.source) if block.format is None else None
    given = None if block.source is None else source_json(block.source)
    return None if given is None else _whole(block, "audio", {"format": block.format, "source": given})


def document_json(block: Document, name: str | None) -> Json | None:
    """The document under a name."""
    more: Json = {"name": name, "context": block.context}
    if block.citable is not None:
        more["citations"] = {"enabled": block.citable}
    if block.content is None:
        return sourced(block, "document", DOCUMENTS, block.source, more)
    contents = [made for inner in block.content if (made := block_json(inner)) is not None]
    form = own.spelled(block.extra, "format")
    said = {name: value for name, value in more.items() if value is not None}
    return _whole(block, "document", ({} if form is None else {"format": form}) | said | {"source": {"content": contents}})


def _document(block: Document) -> Json | None:
    return document_json(block, block.title)


def _found(block: SearchResult) -> Json:
    made: Json = {"source": block.source, "content": in_order(block.content, block_json)}
    if block.title is not None:
        made["title"] = block.title
    if block.citable is not None:
        made["citations"] = {"enabled": block.citable}
    return _whole(block, "searchResult", made)


def _call(block: ToolCall | HostedCall) -> Json:
    made: Json = {"name": block.name}
    if block.call_id is not None:
        made["toolUseId"] = block.call_id
    if block.arguments or not own.spelled(block.extra, "untold"):
        made["input"] = msgspec.json.decode(block.arguments or "{}")
    return _whole(block, "toolUse", made)


def _result(block: ToolResult | HostedResult) -> Json:
    content = block.output if isinstance(block, HostedResult) else in_order(block.content, block_json)
    made: Json = {"content": content}
    if block.call_id is not None:
        made["toolUseId"] = block.call_id
    if block.is_error is not None:
        made["status"] = "error" if block.is_error else "success"
    return _whole(block, "toolResult", made)


WRITE: Mapping[type, Callable[[Any], Json | None]] = MappingProxyType(
    {
        Text: _text,
        Refusal: _refusal,
        Compaction: _compaction,
        Reasoning: _reasoning,
        Image: _media("image", IMAGES),
        Video: _media("video", VIDEOS),
        Audio: _audio,
        Document: _document,
        SearchResult: _found,
        ToolCall: _call,
        HostedCall: _call,
        ToolResult: _result,
        HostedResult: _result,
    }
)
