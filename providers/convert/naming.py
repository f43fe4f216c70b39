"""What does a wire call the blocks that somebody has put into a conversation of it?

A codec writes what came in its own wire as it came, by the names that the wire gave it. What was added or replaced in canonical
form has none; it gets the usual one here. What a wire has no place for outside the conversation (a system prompt in chat) becomes
a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from providers.canonical.answer import Answer
from providers.canonical.blocks import (
    Audio,
    Block,
    Document,
    Image,
    Reasoning,
    Refusal,
    Role,
    SearchResult,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from providers.canonical.request import Request
from providers.canonical.tools import CallKind
from providers.types import Wire

Name = Callable[[Block, Turn], str]
MESSAGES: Mapping[type[Any], str] = MappingProxyType(
    {
        Text: "text",
        Image: "image",
        Document: "document",
        SearchResult: "search_result",
        ToolCall: "tool_use",
        ToolResult: "tool_result",
        Reasoning: "thinking",
    }
)
OLLAMA: Mapping[type[Any], str] = MappingProxyType({Text: "content", ToolCall: "tool_call", ToolResult: "tool"})
CALLS: Mapping[CallKind, str] = MappingProxyType({CallKind.FUNCTION: "function_call", CallKind.CUSTOM: "custom_tool_call"})
PARTS: Mapping[type[Any], str] = MappingProxyType({Refusal: "refusal", Image: "input_image", Document: "input_file"})
WHOLE_TEXT = "content"
"""What chat, Messages and Responses call a text that is the whole content."""
BARE = frozenset({"input", "instructions"})
"""What a text is called that stands in a field of a Responses request without an item."""
CONTENT = (Text, Image, Document, Audio, Refusal)
SYSTEM_AS_TURN = frozenset({Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES, Wire.OLLAMA})


def named_request(request: Request) -> Request:
    """The request with a name for everything that has none."""
    system, turns = request.system, request.turns
    if request.wire in SYSTEM_AS_TURN:
        added = tuple(turn for turn in system if not _came(turn))
        system, turns = tuple(turn for turn in system if _came(turn)), (*added, *turns)
    if request.wire is Wire.OPENAI_RESPONSES:
        system, turns = _listed(system), _listed(tuple(item for turn in turns for item in _items(turn)))
    if request.wire is Wire.ANTHROPIC_MESSAGES and len(system) > 1:
        system = (replace(system[0], blocks=tuple(block for turn in system for block in turn.blocks)),)
    name = _NAMES.get(request.wire)
    if name is None:
        return replace(request, system=system, turns=turns)
    return replace(request, system=_named(system, name), turns=_named(turns, name))


def named_answer(answer: Answer) -> Answer:
    """The answer with a name for everything that has none."""
    name = _NAMES.get(answer.wire)
    choices = answer.choices
    if answer.wire is Wire.OPENAI_RESPONSES:
        choices = tuple(replace(one, turns=tuple(item for turn in one.turns for item in _items(turn))) for one in choices)
    if name is not None:
        choices = tuple(replace(one, turns=_named(one.turns, name)) for one in choices)
    return replace(answer, choices=choices)


def _came(turn: Turn) -> bool:
    """Whether a turn came with the request: then its own wire knows where it stands."""
    return bool(turn.place or turn.called or turn.extra)


def _named(turns: tuple[Turn, ...], name: Name) -> tuple[Turn, ...]:
    return tuple(turn if _is_named(turn) else replace(turn, blocks=_blocks(turn, name)) for turn in turns)


def _is_named(turn: Turn) -> bool:
    return all(map(_has_name, turn.blocks)) and (
        len(turn.blocks) < 2 or not any(block.called == WHOLE_TEXT for block in turn.blocks)
    )


def _has_name(block: Block) -> bool:
    return bool(block.called) and (not isinstance(block, ToolResult) or all(map(_has_name, block.content)))


def _blocks(turn: Turn, name: Name) -> tuple[Block, ...]:
    return tuple(_block(block, turn, name) for block in turn.blocks)


def _block(block: Block, turn: Turn, name: Name) -> Block:
    if isinstance(block, ToolResult):
        block = replace(block, content=tuple(_block(part, turn, name) for part in block.content))
    if isinstance(block, Text) and block.called == WHOLE_TEXT:  # and perhaps no longer the whole
        return replace(block, called=name(replace(block, called=""), turn))
    return block if block.called else replace(block, called=name(block, turn))


def _messages(block: Block, turn: Turn) -> str:
    if isinstance(block, Text) and block.called == WHOLE_TEXT and len(turn.blocks) == 1:
        return WHOLE_TEXT
    return MESSAGES.get(type(block), "")


def _chat(block: Block, turn: Turn) -> str:
    if isinstance(block, Text):
        return WHOLE_TEXT if sum(isinstance(other, CONTENT) for other in turn.blocks) <= 1 else "text"
    return ""


def _ollama(block: Block, turn: Turn) -> str:
    return OLLAMA.get(type(block), "")


def _responses(block: Block, turn: Turn) -> str:
    if isinstance(block, Text):
        return "output_text" if turn.role is Role.ASSISTANT else "input_text"
    if isinstance(block, Reasoning):
        return "summary_text" if block.summary else "reasoning_text"
    return PARTS.get(type(block), "")


_NAMES: Mapping[Wire, Name] = MappingProxyType(
    {
        Wire.ANTHROPIC_MESSAGES: _messages,
        Wire.OPENAI_CHAT: _chat,
        Wire.OPENAI_RESPONSES: _responses,
        Wire.OLLAMA: _ollama,
    }
)
"""Gemini's parts and Converse's blocks have no names."""


def _listed(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Items of Responses, where the only one may have been a text without an item before others were added."""
    if len(turns) <= 1:
        return turns
    return tuple(
        replace(turn, blocks=tuple(replace(b, called="input_text") if b.called in BARE else b for b in turn.blocks))
        if any(block.called in BARE for block in turn.blocks)
        else turn
        for turn in turns
    )


def _items(turn: Turn) -> Iterator[Turn]:
    """A turn as items of Responses, each of which is one thing."""
    if turn.called or not turn.blocks:
        yield turn if turn.called or _came(turn) else replace(turn, called="message")
        return
    said: list[Block] = []
    for block in turn.blocks:
        kind = _item(block)
        if kind == "message":
            said.append(block)
            continue
        if said:
            yield replace(turn, blocks=tuple(said), called="message")
            said = []
        yield replace(turn, blocks=(block,), called=kind)
    if said:
        yield replace(turn, blocks=tuple(said), called="message")


def _item(block: Block) -> str:
    if isinstance(block, ToolCall):
        return CALLS.get(block.kind, CALLS[CallKind.FUNCTION])
    if isinstance(block, ToolResult):
        return f"{CALLS.get(block.kind, CALLS[CallKind.FUNCTION])}_output"
    return "reasoning" if isinstance(block, Reasoning) else "message"
