"""Which messages of Converse say what the turns of another wire say?

Roles alternate there, so neighbours of one role become one message. All results of calls stand in the one message after them, in
front of what else is said. Texts without a character that can be seen, and bytes that are not there, are refused, documents have
names of few characters, and ids of calls a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Audio,
    Block,
    Compaction,
    Document,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    Role,
    SearchResult,
    SettingsChange,
    Text,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
    Video,
)
from providers.canonical.extra import Json, Place, exact
from providers.canonical.functions import sent_arguments, sent_name
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.canonical.tools import CacheMark
from providers.errors import Unsupported
from providers.types import Wire
from providers.wire.bedrock_converse.codec.block_json import block_json, document_json
from providers.wire.bedrock_converse.codec.marks import CACHE_POINT, DEFAULT
from providers.wire.bedrock_converse.codec.requests.sent_tools import id_of, name_of
from providers.wire.bedrock_converse.codec.words import WIRE

SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
TTLS = frozenset({"5m", "1h"})
NOT_IN_DOCUMENTS = re.compile(r"[^A-Za-z0-9\s\-()\[\]]")
MOST_OF_NAME = 190
"""Characters of a document's name, so that a number still fits behind them."""
LOOKED_AT = (Image, Document, Video, Audio, SearchResult)
"""What a client has sent for the model to look at: refused if it cannot be sent, not left out."""
IN_RESULTS = (Text, Refusal, Image, Document, Video, SearchResult)


class Conversation:
    """The messages, made of turns one after the other. `system` are the blocks of the system's, `tools` what turns bring,
    `called` the names of the calls there were, `thinking` and `output` what is set in the end."""

    def __init__(self, request: Request, losses: Losses, *, claude: bool, caches: bool) -> None:
        self.system: list[Json] = []
        self.tools: list[ToolsChange] = []
        self.called: list[str] = []
        self.thinking: Thinking = request.thinking
        self.output: Output = request.output
        self._makers = (WIRE, Wire.ANTHROPIC_MESSAGES) if claude else (WIRE,)
        """Whose signatures the model can read: Anthropic's are the same wherever its models run."""
        self._caches = caches
        self._losses = losses
        self._top: Place = (request.words.get("Request.turns", "messages"),)
        self._messages: list[Json] = []
        self._results = 0
        """How many results the last message begins with."""
        self._documents: set[str] = set()
        self._nameless: list[tuple[str, str]] = []
        """Calls without an id whose results have not come: their names, and the ids that they got."""
        for turn in request.system:
            self._system(turn.blocks)
        for turn in request.turns:
            self._take(turn)
        if request.caching.mark is not None and self._messages:
            self._messages[-1]["content"] += self.mark(request.caching.mark)

    def messages(self) -> list[Json]:
        """All of them. Raises 400 `Unsupported` if there are none."""
        if not self._messages:
            raise Unsupported(400, f"The field {exact(self._top)!r} is empty.", code="invalid_value", param=exact(self._top))
        return self._messages

    def _take(self, turn: Turn) -> None:
        blocks = [block for block in turn.blocks if not self._changed(block)]
        if turn.role in SYSTEM:
            if not self._messages:
                self._system(blocks)
                return
            # Only the newest models take one in the midst; in front of the conversation it would say something else.
            self._losses.field(turn, "role")
            self._said(blocks)
        elif turn.role is Role.ASSISTANT:
            for block in blocks:
                self._answered(block)
        else:
            self._names(turn)
            self._said(blocks)

    def _names(self, turn: Turn) -> None:
        """Who speaks has a word only where one agent of the client tells another something."""
        if turn.recipient is not None:
            self._add("user", [{"text": f"Message from {turn.name} to {turn.recipient}:"}])
        elif turn.name is not None:
            self._losses.field(turn, "name")

    def _changed(self, block: Block) -> bool:
        """Settings hold from here on, so that the last ones count for what is asked."""
        if isinstance(block, ToolsChange):
            self.tools.append(block)
        elif isinstance(block, SettingsChange):
            self.thinking, self.output = _later(self.thinking, block.thinking), _later(self.output, block.output)
        else:
            return False
        return True

    def _system(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            if not isinstance(block, Text | Refusal):
                if not isinstance(block, Opaque):
                    self._losses.whole(block)
            elif block.text.strip():
                self.system += [{"text": block.text}, *self.mark(block.cache, block)]

    def _said(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            made = self._result(block) if isinstance(block, ToolResult) else self._block(block)
            if made is not None:
                self._add("user", [made, *self.mark(_cache_of(block), block)], first=isinstance(block, ToolResult))

    def _answered(self, block: Block) -> None:
        make = OF_ASSISTANTS.get(type(block))
        if make is None:
            if isinstance(block, LOOKED_AT):
                self._losses.whole(block)  # of its own pictures it is told nothing
            return
        made = make(self, block)
        if made is not None:
            self._add("assistant", [made, *self.mark(block.cache, block)])

    # Blocks

    def _block(self, block: Block) -> Json | None:
        """The block, None for one that says nothing or is named elsewhere. Raises 400 `Unsupported`."""
        if isinstance(block, Text | Refusal | Compaction):
            return self.text(block)
        if not isinstance(block, LOOKED_AT):
            return None
        if isinstance(block, Document):
            made = document_json(block, self._document_name(block.title))
        elif isinstance(block, SearchResult):
            made = block_json(block if block.title else msgspec.structs.replace(block, title=block.source))
        else:
            made = block_json(block)
        if made is None:
            message = f"This model's provider cannot take a part of type {block.called!r} like this."
            raise Unsupported(400, message, code="invalid_value", param=exact(block.place))
        return made

    def text(self, block: Text | Refusal | Compaction) -> Json | None:
        if block.text is None:
            message = "This model's provider cannot read a compaction that another one has made."
            raise Unsupported(400, message, code="invalid_value", param=exact(block.place))
        return {"text": block.text} if block.text.strip() else None

    def thought(self, block: Reasoning) -> Json | None:
        """Thoughts without a signature, or with another's, are refused, and the model does not need them."""
        if block.sealed is not None and block.sealed.wire is WIRE:
            return {"reasoningContent": {"redactedContent": block.sealed.value}}
        if block.signature is None or block.signature.wire not in self._makers:
            self._losses.whole(block)
            return None
        return {"reasoningContent": {"reasoningText": {"text": block.text, "signature": block.signature.value}}}

    def call(self, block: ToolCall) -> Json:
        name = name_of(sent_name(block))
        call_id = id_of(block.call_id) if block.call_id else f"call_{len(self.called)}"
        if not block.call_id:
            self._nameless.append((block.name, call_id))
        self.called.append(name)
        return {"toolUse": {"toolUseId": call_id, "name": name, "input": self._input(block)}}

    def _input(self, block: ToolCall) -> Json:
        text = sent_arguments(block)
        try:
            value = msgspec.json.decode(text) if text.strip() else {}
        except (msgspec.DecodeError, RecursionError):
            value = text
        if isinstance(value, dict):
            return value
        self._losses.field(block, "arguments")  # what is no object is told within one
        return {"arguments": value}

    def _result(self, block: ToolResult) -> Json:
        content: list[Json] = []
        for inner in block.content:
            if isinstance(inner, IN_RESULTS):
                content += [made] if (made := self._block(inner)) is not None else []
            elif isinstance(inner, LOOKED_AT):
                self._losses.whole(inner)
        made = {"toolUseId": id_of(block.call_id) if block.call_id else self._call_of(block), "content": content}
        if block.is_error:
            made["status"] = "error"
        return {"toolResult": made}

    def _call_of(self, result: ToolResult) -> str:
        """The first open call of that name, where the wire gives calls no ids. Raises 400 `Unsupported` without one."""
        for number, (name, call_id) in enumerate(self._nameless):
            if result.name in (None, name):
                del self._nameless[number]
                return call_id
        raise Unsupported(400, "No tool call found for a tool result.", code="invalid_value", param=exact(result.place))

    def _document_name(self, title: str | None) -> str:
        """A name that Converse allows, and that no other document has."""
        said = " ".join(NOT_IN_DOCUMENTS.sub(" ", title or "").split())[:MOST_OF_NAME].strip() or "document"
        name, number = said, 1
        while name in self._documents:
            number += 1
            name = f"{said} {number}"
        self._documents.add(name)
        return name

    def mark(self, mark: CacheMark | None, block: Block | None = None) -> list[Json]:
        """The point of the cache that a mark is, where the model has a cache."""
        if mark is None:
            return []
        if not self._caches:
            if block is not None:
                self._losses.field(block, "cache")
            return []
        return [{CACHE_POINT: {"type": DEFAULT, **({"ttl": mark.ttl} if mark.ttl in TTLS else {})}}]

    def _add(self, role: str, blocks: list[Json], *, first: bool = False) -> None:
        """Blocks to the last message, or to one more; `first` are results."""
        last = self._messages[-1] if self._messages else None
        if last is None or last["role"] != role:
            last = {"role": role, "content": []}
            self._messages.append(last)
            self._results = 0
        if first:
            last["content"][self._results : self._results] = blocks
            self._results += len(blocks)
        else:
            last["content"] += blocks


OF_ASSISTANTS: Mapping[type, Callable[[Conversation, Any], Json | None]] = MappingProxyType(
    {
        Text: Conversation.text,
        Refusal: Conversation.text,
        Compaction: Conversation.text,
        Reasoning: Conversation.thought,
        ToolCall: Conversation.call,
    }
)


def _cache_of(block: Block) -> CacheMark | None:
    """The mark of a block, or of something in it where none can stand."""
    if block.cache is None and isinstance(block, ToolResult):
        return next((inner.cache for inner in reversed(block.content) if inner.cache is not None), None)
    return block.cache


def _later(said: Any, later: Any) -> Any:
    """Settings, with those that were said later."""
    if later is None:
        return said
    fields = {name: value for name in later.__struct_fields__ if name != "extra" and (value := getattr(later, name)) is not None}
    return msgspec.structs.replace(said, **fields)
