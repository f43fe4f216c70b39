"""How is a turn that came as an item written as that item again?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Compaction,
    Image,
    Opaque,
    Reasoning,
    SettingsChange,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
)
from providers.canonical.extra import Json
from providers.canonical.signature import carried
from providers.canonical.tools import CallKind
from providers.wire.openai_responses.codec.parts import content_of
from providers.wire.openai_responses.codec.requests.settings import reasoning_json, text_json
from providers.wire.openai_responses.codec.requests.tools import tool_json
from providers.wire.openai_responses.codec.words import WIRE, own


def item_of(turn: Turn) -> Any:
    """The item of a turn of this wire."""
    if len(turn.blocks) == 1 and isinstance(turn.blocks[0], Opaque) and turn.extra is None:
        return turn.blocks[0].value
    made: Json = {} if own.spelled(turn.extra, "untyped") else {"type": turn.called}
    if turn.id is not None:
        made["id"] = turn.id
    if turn.status is not None:
        made["status"] = turn.status
    return made | own.rest_of(turn.extra) | WRITE[turn.called](turn)


def _message(turn: Turn) -> Json:
    role = {} if own.spelled(turn.extra, "no role") else {"role": turn.role.value}
    return role | _content(turn, "content")


def _content(turn: Turn, name: str) -> Json:
    if not turn.blocks and not own.spelled(turn.extra, "parts"):
        return {}
    return {name: content_of(turn.blocks)}


def _agent(turn: Turn) -> Json:
    said = {"author": turn.name, "recipient": turn.recipient}
    return {name: value for name, value in said.items() if value is not None} | _content(turn, "content")


def _call(turn: Turn) -> Json:
    block = _one(turn, ToolCall)
    text_of = "input" if block.kind is CallKind.CUSTOM else "arguments"
    made: Json = {"name": block.name}
    if block.call_id is not None and not own.spelled(turn.extra, "no call_id"):
        made["call_id"] = block.call_id
    if block.namespace is not None:
        made["namespace"] = block.namespace
    raw = own.spelled(turn.extra, "raw")
    if raw is not None:
        made[text_of] = raw
    elif block.arguments or not (own.spelled(turn.extra, "untold") or text_of in own.rest_of(turn.extra)):
        made[text_of] = block.arguments
    return made


def _search(turn: Turn) -> Json:
    block = _one(turn, ToolCall)
    made: Json = {"call_id": block.call_id}
    if own.spelled(turn.extra, "text"):
        return made | {"arguments": block.arguments}
    if "arguments" in own.rest_of(turn.extra):
        return made
    return made | {"arguments": msgspec.json.decode(block.arguments)}


def _output(turn: Turn) -> Json:
    block = _one(turn, ToolResult)
    made: Json = {} if block.call_id is None else {"call_id": block.call_id}
    if not block.content and not own.spelled(turn.extra, "parts"):
        return made
    return made | {"output": content_of(block.content)}


def _found(turn: Turn) -> Json:
    results = [block for block in turn.blocks if isinstance(block, ToolResult)]
    made: Json = {"call_id": results[0].call_id} if results else {}
    return made | _tools(turn)


def _more_tools(turn: Turn) -> Json:
    return ({"role": turn.role.value} if own.spelled(turn.extra, "role") else {}) | _tools(turn)


def _tools(turn: Turn) -> Json:
    change = _one(turn, ToolsChange)
    if not change.added and own.spelled(turn.extra, "no tools"):
        return {}
    return {"tools": [tool_json(tool) for tool in change.added]}


def _configured(turn: Turn) -> Json:
    change = _one(turn, SettingsChange)
    made: Json = {} if change.thinking is None else {"reasoning": reasoning_json(change.thinking)}
    return made | ({} if change.output is None else {"text": text_json(change.output)})


def _reasoning(turn: Turn) -> Json:
    thoughts = [block for block in turn.blocks if isinstance(block, Reasoning)]
    made: Json = {}
    for name, summary in (("summary", True), ("content", False)):
        parts = [thought_json(block) for block in thoughts if block.summary is summary and block.sealed is None]
        if parts or own.spelled(turn.extra, name):
            made[name] = parts
    sealed = [block.sealed for block in thoughts if block.sealed is not None]
    return made | ({"encrypted_content": carried(sealed[0], WIRE)} if sealed else {})


def thought_json(block: Reasoning) -> Json:
    """A part of a summary, or of the thoughts themselves."""
    return {"type": block.called, "text": block.text, **own.rest_of(block.extra)}


def _compaction(turn: Turn) -> Json:
    block = _one(turn, Compaction)
    return {} if block.sealed is None else {"encrypted_content": carried(block.sealed, WIRE)}


def _picture(turn: Turn) -> Json:
    return {"result": _one(turn, Image).source.value}


def _one(turn: Turn, kind: type[Any]) -> Any:
    return next(block for block in turn.blocks if isinstance(block, kind))


WRITE: Mapping[str, Callable[[Turn], Json]] = MappingProxyType(
    {
        "message": _message,
        "agent_message": _agent,
        "function_call": _call,
        "custom_tool_call": _call,
        "tool_search_call": _search,
        "function_call_output": _output,
        "custom_tool_call_output": _output,
        "tool_search_output": _found,
        "additional_tools": _more_tools,
        "configuration_update": _configured,
        "reasoning": _reasoning,
        "image_generation_call": _picture,
        "compaction": _compaction,
        "context_compaction": _compaction,
    }
)
