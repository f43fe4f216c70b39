"""How is a block that came in this wire written in it again? As it came, wherever nobody has changed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Block,
    Compaction,
    Document,
    HostedCall,
    HostedResult,
    Image,
    Opaque,
    Reasoning,
    SearchResult,
    Text,
    ToolCall,
    ToolResult,
    ToolsChange,
)
from providers.canonical.extra import Json
from providers.canonical.signature import Signature, carried
from providers.wire.anthropic_messages.codec.blocks import REDACTED, REFERENCE, WHOLE_TEXT
from providers.wire.anthropic_messages.codec.citations import citation_json
from providers.wire.anthropic_messages.codec.media import CACHE, document_json, found_json, image_json, mark_json
from providers.wire.anthropic_messages.codec.words import WIRE, own


def content_json(blocks: Sequence[Block]) -> Any:
    """A content: a text, if it was one, else a list."""
    if len(blocks) == 1 and isinstance(blocks[0], Text) and blocks[0].called == WHOLE_TEXT:
        return blocks[0].text
    return [block_json(block) for block in blocks]


def block_json(block: Block) -> Any:
    """The block, as it was."""
    if isinstance(block, Opaque):
        return block.value["value"] if own.spelled(block.extra, "bare") else block.value
    made: Json = {"type": block.called, **WRITE[type(block)](block)}
    if block.cache is not None:
        made[CACHE] = mark_json(block.cache)
    return made if block.extra is None else made | own.rest_of(block.extra)


def _text(block: Text) -> Json:
    if block.called == REFERENCE:
        return {"tool_name": block.text}
    made: Json = {"text": block.text}
    return made | {"citations": [citation_json(one) for one in block.citations]} if block.citations else made


def _reasoning(block: Reasoning) -> Json:
    if block.sealed is not None:
        return {"data": sealed_json(block.sealed)}
    made: Json = {} if own.spelled(block.extra, "untold") and not block.text else {"thinking": block.text}
    signature = own.spelled(block.extra, "unsigned") if block.signature is None else carried(block.signature, WIRE)
    return made if signature is None else made | {"signature": signature}


def sealed_json(sealed: Signature) -> str:
    """The data of redacted thinking."""
    return carried(sealed, WIRE).removeprefix(REDACTED)


def _compaction(block: Compaction) -> Json:
    made: Json = {} if block.text is None else {"content": block.text}
    return made if block.sealed is None else made | {"encrypted_content": carried(block.sealed, WIRE)}


def _call(block: ToolCall | HostedCall) -> Json:
    made: Json = {"name": block.name}
    if block.call_id is not None:
        made["id"] = block.call_id
    return made | {"input": msgspec.json.decode(block.arguments)} if block.arguments else made


def _result(block: ToolResult) -> Json:
    made: Json = {"tool_use_id": block.call_id}
    if block.content or own.spelled(block.extra, "parts"):
        made["content"] = content_json(block.content)
    return made if block.is_error is None else made | {"is_error": block.is_error}


def _hosted_result(block: HostedResult) -> Json:
    made: Json = {"content": block.output}
    if block.call_id is not None:
        made["tool_use_id"] = block.call_id
    return made if block.is_error is None else made | {"is_error": block.is_error}


def _document(block: Document) -> Json:
    return document_json(block, content_json)


def _found(block: SearchResult) -> Json:
    return found_json(block, content_json)


def _change(block: ToolsChange) -> Json:
    """Which tools join or leave is told by what came."""
    return own.rest_of(block.extra)


WRITE: Mapping[type, Callable[[Any], Json]] = MappingProxyType(
    {
        Text: _text,
        Reasoning: _reasoning,
        Compaction: _compaction,
        ToolCall: _call,
        ToolResult: _result,
        HostedCall: _call,
        HostedResult: _hosted_result,
        Image: image_json,
        Document: _document,
        SearchResult: _found,
        ToolsChange: _change,
    }
)
