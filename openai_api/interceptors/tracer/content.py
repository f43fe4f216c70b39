"""What was said, as the conventions write it: JSON texts of messages with parts. Only where it is wanted and allowed, and without
what looks like a credential."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import msgspec

from openai_api.observing import redact
from openai_api.observing.fold.heard import Heard
from openai_api.observing.otlp.conventions import finish_of
from providers.bytes.halves import decoded
from providers.canonical.blocks import (
    Audio,
    Block,
    Document,
    Image,
    Reasoning,
    Refusal,
    Role,
    Source,
    SourceKind,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from providers.canonical.tools import CustomTool, FunctionTool, Tool

MOST_CHARACTERS = 60_000
"""Of an attribute: of longer conversations the latest messages are told."""
MOST_OF_TEXT = 30_000
Json = dict[str, Any]


def content_of(said: Heard) -> dict[str, str | None]:
    """The attributes, by our names; None where nothing was said."""
    request, answer = said.request, said.answer
    told: dict[str, str | None] = {"system": None, "input": None, "output": None, "tools": None}
    if request is not None:
        told["system"] = _fitting([part for turn in request.system for part in _parts(turn.blocks)])
        told["input"] = _fitting([_message(turn) for turn in request.turns])
        told["tools"] = _fitting([_tool(tool) for tool in request.tools or ()])
    if answer is not None:
        told["output"] = _fitting(
            [
                {
                    "role": "assistant",
                    "parts": [part for turn in choice.turns for part in _parts(turn.blocks)],
                    "finish_reason": finish_of(choice.stop.reason if choice.stop else None),
                }
                for choice in answer.choices
            ]
        )
    return told


def _fitting(items: Sequence[Json]) -> str | None:
    """The latest that there is room for."""
    kept: list[bytes] = []
    room = MOST_CHARACTERS
    for item in reversed(items):
        encoded = redact.json_body(msgspec.json.encode(item))
        room -= len(encoded) + 1
        if room < 0:
            break
        kept.append(encoded)
    return (b"[%b]" % b",".join(reversed(kept))).decode() if kept else None


ROLES: Mapping[Role, str] = MappingProxyType({Role.DEVELOPER: "system"})


def _message(turn: Turn) -> Json:
    message: Json = {"role": ROLES.get(turn.role, turn.role.value), "parts": list(_parts(turn.blocks))}
    return message | ({"name": turn.name} if turn.name else {})


def _parts(blocks: Iterable[Block]) -> Iterable[Json]:
    for block in blocks:
        make = PARTS.get(type(block))
        yield make(block) if make else {"type": block.called or type(block).__name__.lower()}


def _text(block: Text | Refusal) -> Json:
    return {"type": "text", "content": block.text[:MOST_OF_TEXT]}


def _reasoning(block: Reasoning) -> Json:
    return {"type": "reasoning", "content": block.text[:MOST_OF_TEXT]}


def _tool_call(block: ToolCall) -> Json:
    arguments: Any = block.arguments[:MOST_OF_TEXT]
    with suppress(ValueError):  # free text, or what a model has not finished, or what was cut
        arguments = decoded(arguments.encode("utf-8", "replace"))
    return {"type": "tool_call", "id": block.call_id, "name": block.name, "arguments": arguments}


def _tool_result(block: ToolResult) -> Json:
    texts = [part.text for part in block.content if isinstance(part, Text)]
    whole = len(texts) == len(block.content)
    response: Any = "".join(texts)[:MOST_OF_TEXT] if whole else list(_parts(block.content))
    return {"type": "tool_call_response", "id": block.call_id, "response": response}


def _media(modality: str) -> Callable[[Any], Json]:
    def part(block: Image | Audio | Video | Document) -> Json:
        source = block.source
        if source is None:
            return {"type": modality}
        return {"modality": modality, "mime_type": source.media_type or None, **_where(source)}

    return part


def _where(source: Source) -> Json:
    """Of what was sent along, only that it was: a picture is megabytes."""
    if source.kind is SourceKind.FILE:
        return {"type": "file", "file_id": source.value[:MOST_OF_TEXT]}
    if source.kind in (SourceKind.URL, SourceKind.STORAGE) and not source.value.startswith("data:"):
        return {"type": "uri", "uri": source.value[:MOST_OF_TEXT]}
    return {"type": "blob", "content": ""}


PARTS: Mapping[type[Any], Callable[[Any], Json]] = MappingProxyType(
    {
        Text: _text,
        Refusal: _text,
        Reasoning: _reasoning,
        ToolCall: _tool_call,
        ToolResult: _tool_result,
        Image: _media("image"),
        Audio: _media("audio"),
        Video: _media("video"),
        Document: _media("document"),
    }
)
"""Others are told by their kind alone."""


def _tool(tool: Tool) -> Json:
    """Without the parameters, which may be large: the conventions want them on demand only."""
    name = tool.name if isinstance(tool, FunctionTool | CustomTool) else ""
    return {"type": "function" if isinstance(tool, FunctionTool) else type(tool).__name__.lower(), "name": name}
