"""Which messages of Ollama say what the turns of another wire say?

A message has one text, pictures, and, from the assistant, thoughts and calls; results name their tool. Ollama takes messages of
the system anywhere, and results in any order, so the turns stay as they are; only pictures that are no base64 cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

import msgspec

from providers.canonical.blocks import (
    Audio,
    Block,
    Compaction,
    Document,
    Image,
    Reasoning,
    Refusal,
    Role,
    SearchResult,
    SettingsChange,
    SourceKind,
    Text,
    Told,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
    Video,
)
from providers.canonical.extra import Json, exact
from providers.canonical.functions import sent_arguments, sent_name
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.errors import Unsupported
from providers.wire.ollama.codec.calls import object_of
from providers.wire.ollama.codec.images import base64_of

ROLES: Mapping[Role, str] = MappingProxyType(
    {Role.SYSTEM: "system", Role.DEVELOPER: "system", Role.USER: "user", Role.ASSISTANT: "assistant", Role.TOOL: "user"}
)
"""Roles of what is said; results are messages of their own."""
BETWEEN = "\n"


class Conversation:
    """The messages, made of turns one after the other. `tools` are those that turns bring, `thinking` and `output` what turns
    have set anew."""

    def __init__(self, request: Request, losses: Losses) -> None:
        self.messages: list[Json] = []
        self.tools: list[ToolsChange] = []
        self.thinking: Thinking | None = None
        self.output: Output | None = None
        self._losses = losses
        self._names: dict[str, str] = {}
        """What was called under an id."""
        for turn in (*request.system, *request.turns):
            self._take(turn)

    def _take(self, turn: Turn) -> None:
        said: list[Block] = []
        for block in turn.blocks:
            if isinstance(block, ToolResult):
                self._result(block)
            elif isinstance(block, ToolsChange):
                self.tools.append(block)
            elif isinstance(block, SettingsChange):
                self.thinking = _later(self.thinking, block.thinking)
                self.output = _later(self.output, block.output)
            else:
                said.append(block)
        if said or not turn.blocks:
            self._said(turn, said)

    def _said(self, turn: Turn, blocks: Sequence[Block]) -> None:
        message = _Message()
        for block in blocks:
            take = TAKERS.get(type(block))
            if take is not None:  # the losses have any other
                take(self, message, block)
        role = ROLES[turn.role]
        made = message.json("" if role == "assistant" else BETWEEN)  # citations cut the assistant's sentences up
        if turn.recipient is not None:  # what one agent of the client tells another
            role, made["content"] = "user", f"Message from {turn.name} to {turn.recipient}:\n{made['content']}"
        last = self.messages[-1] if self.messages else {}
        if role == "assistant" and last.get("role") == role:  # items of one turn: Responses
            self.messages[-1] = _joined(last, made)
        elif blocks and not message.told:
            return
        else:
            self.messages.append({"role": role, **made})

    def _result(self, result: ToolResult) -> None:
        message = _Message()
        for block in result.content:
            take = TAKERS.get(type(block))
            if take is not None:
                take(self, message, block)
        if result.is_error:
            self._losses.field(result, "is_error")
        made: Json = {"role": "tool", **message.json(BETWEEN)}
        name = result.name or self._names.get(result.call_id or "")
        if name:
            made["tool_name"] = name
        if result.call_id is not None:
            made["tool_call_id"] = result.call_id
        self.messages.append(made)

    # Blocks

    def text(self, message: _Message, block: Text | Refusal) -> None:
        message.texts.append(block.text)

    def thought(self, message: _Message, block: Reasoning) -> None:
        if block.text:
            message.thoughts.append(block.text)

    def image(self, message: _Message, block: Image) -> None:
        data = base64_of(block.source)
        if data is None:
            _refuse(block)
        message.images.append(data)

    def document(self, message: _Message, block: Document) -> None:
        if block.content is None and not (block.source and block.source.kind is SourceKind.TEXT):
            _refuse(block)
        text = block.source.value if block.source else _text_of(block.content or ())
        message.texts.append(f"{block.title}:\n{text}" if block.title else text)

    def found(self, message: _Message, block: SearchResult) -> None:
        lines = (block.title, block.source, _text_of(block.content))
        message.texts.append(BETWEEN.join(line for line in lines if line))

    def compacted(self, message: _Message, block: Compaction) -> None:
        if block.text is None:
            message_text = "This model's provider cannot read a compaction that another one has made."
            raise Unsupported(400, message_text, code="invalid_value", param=exact(block.place))
        message.texts.append(block.text)

    def called(self, message: _Message, block: ToolCall) -> None:
        name = sent_name(block)
        arguments, good = object_of(sent_arguments(block))
        if not good:
            self._losses.field(block, "arguments")
        made: Json = {"function": {"index": len(message.calls), "name": name, "arguments": arguments}}
        if block.call_id is not None:
            self._names[block.call_id] = name
            made = {"id": block.call_id} | made
        message.calls.append(made)

    def refused(self, message: _Message, block: Told) -> None:
        _refuse(block)


class _Message:
    """One message on its way."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.images: list[str] = []
        self.calls: list[Json] = []

    @property
    def told(self) -> bool:
        return bool(self.texts or self.thoughts or self.images or self.calls)

    def json(self, between: str) -> Json:
        more = {"thinking": BETWEEN.join(self.thoughts), "images": self.images, "tool_calls": self.calls}
        return {"content": between.join(self.texts)} | {name: value for name, value in more.items() if value}


def _joined(first: Json, more: Json) -> Json:
    """Two messages of the assistant as one."""
    made = dict(first)
    for name in ("content", "thinking"):
        texts = [text for text in (first.get(name), more.get(name)) if text]
        if texts or name in first:
            made[name] = BETWEEN.join(texts)
    calls = [*first.get("tool_calls", ()), *more.get("tool_calls", ())]
    for number, call in enumerate(calls):
        call["function"]["index"] = number
    images = [*first.get("images", ()), *more.get("images", ())]
    return made | ({"tool_calls": calls} if calls else {}) | ({"images": images} if images else {})


def _text_of(blocks: Sequence[Block]) -> str:
    return "".join(block.text for block in blocks if isinstance(block, Text))


def _refuse(block: Told) -> NoReturn:
    """What a client has sent for the model to look at is refused, not left out."""
    message = f"This model's provider cannot take a part of type {block.called!r} like this."
    raise Unsupported(400, message, code="invalid_value", param=exact(block.place))


def _later(said: Any, later: Any) -> Any:
    """Settings, with those that were said later."""
    if said is None or later is None:
        return said if later is None else later
    fields = {name: getattr(later, name) for name in later.__struct_fields__ if getattr(later, name) is not None}
    return msgspec.structs.replace(said, **fields)


TAKERS: Mapping[type, Callable[[Conversation, _Message, Any], None]] = MappingProxyType(
    {
        Text: Conversation.text,
        Refusal: Conversation.text,
        Reasoning: Conversation.thought,
        Image: Conversation.image,
        Document: Conversation.document,
        SearchResult: Conversation.found,
        Compaction: Conversation.compacted,
        ToolCall: Conversation.called,
        Audio: Conversation.refused,
        Video: Conversation.refused,
    }
)
