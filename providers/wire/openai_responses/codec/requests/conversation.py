"""Which input items say what the turns of another wire say? A message of each run of what is said, and an item of each call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import (
    Block,
    Compaction,
    Reasoning,
    Role,
    SettingsChange,
    Text,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
)
from providers.canonical.extra import Json, Place, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.signature import carried
from providers.canonical.tools import CallKind
from providers.errors import Unsupported
from providers.wire.openai_responses.codec.requests.parts import input_parts, output_parts
from providers.wire.openai_responses.codec.words import WIRE

CALLS = {CallKind.FUNCTION: "function_call", CallKind.CUSTOM: "custom_tool_call", CallKind.SEARCH: "function_call"}
NO_ITEM = (ToolsChange, SettingsChange)


class Conversation:
    """The items, made of turns one after the other."""

    def __init__(self, request: Request, losses: Losses) -> None:
        self._losses = losses
        self._items: list[Json] = []
        self._calls: dict[str, str] = {}
        """Call → the type of its item."""
        self._results: dict[str, Json] = {}
        self._nameless: list[str] = []
        """Calls without an id whose results have not come."""
        self._top: Place = (request.words.get("Request.turns", "messages"),)
        for turn in (*request.system, *request.turns):
            self._take(turn)

    def items(self) -> list[Json]:
        """All of them. Raises 400 `Unsupported` if there are none."""
        if not self._items:
            raise Unsupported(400, f"The field {exact(self._top)!r} is empty.", code="invalid_value", param=exact(self._top))
        return self._items

    def _take(self, turn: Turn) -> None:
        for change in turn.blocks:
            if isinstance(change, NO_ITEM):
                self._losses.whole(change)
        blocks = [block for block in turn.blocks if not isinstance(block, NO_ITEM)]
        if turn.role is Role.ASSISTANT:
            self._answered(blocks)
            return
        results = [block for block in blocks if isinstance(block, ToolResult)]
        for result in results:
            self._result(result, turn)
        said = [block for block in blocks if not isinstance(block, ToolResult)]
        if said or not (results or turn.blocks):
            role = "user" if turn.role is Role.TOOL else turn.role.value
            self._items.append({"type": "message", "role": role, "content": self._content(said)})

    def _content(self, blocks: Sequence[Block]) -> Any:
        """A text stays a text, which every upstream takes."""
        if not blocks:
            return []
        if len(blocks) == 1 and isinstance(blocks[0], Text) and blocks[0].cache is None and is_whole(blocks[0]):
            return blocks[0].text
        return input_parts(blocks, self._losses)

    def _answered(self, blocks: Sequence[Block]) -> None:
        """What the assistant thought, said and called, in that order as it did."""
        run: list[Block] = []
        for block in blocks:
            if isinstance(block, ToolCall | Reasoning | Compaction):
                self._said(run)
                run = []
            if isinstance(block, ToolCall):
                self._call(block)
            elif isinstance(block, Reasoning | Compaction):
                self._sealed(block)
            else:
                run.append(block)
        self._said(run)

    def _said(self, blocks: Sequence[Block]) -> None:
        if not blocks:
            return
        if len(blocks) == 1 and isinstance(blocks[0], Text) and blocks[0].cache is None and is_whole(blocks[0]):
            if blocks[0].text:
                self._items.append({"type": "message", "role": "assistant", "content": blocks[0].text})
            return
        parts = output_parts([block for block in blocks if not _empty(block)], self._losses)
        if parts:
            self._items.append({"type": "message", "role": "assistant", "content": parts})

    def _sealed(self, block: Reasoning | Compaction) -> None:
        """Thoughts that this wire has sealed come back to it; those of others say nothing to it."""
        if block.sealed is None or block.sealed.wire is not WIRE:
            if isinstance(block, Compaction):
                message = "This model's provider cannot read a compaction that another one has made."
                raise Unsupported(400, message, code="invalid_value", param=exact(block.place))
            return
        kind: Json = {"type": "reasoning", "summary": []} if isinstance(block, Reasoning) else {"type": "compaction"}
        self._items.append(kind | {"encrypted_content": carried(block.sealed, WIRE)})

    def _call(self, block: ToolCall) -> None:
        call_id = block.call_id
        if call_id is None:
            call_id = f"call_{len(self._calls)}"
            self._nameless.append(call_id)
        kind = CALLS[block.kind]
        made: Json = {"type": kind, "call_id": call_id, "name": block.name}
        if block.namespace is not None:
            made["namespace"] = block.namespace
        custom = block.kind is CallKind.CUSTOM
        self._items.append(made | ({"input": block.arguments} if custom else {"arguments": block.arguments or "{}"}))
        self._calls[call_id] = kind
        self._results.pop(call_id, None)

    def _result(self, result: ToolResult, turn: Turn) -> None:
        call_id = result.call_id
        if call_id is None and self._nameless:
            call_id = self._nameless.pop(0)
        if call_id is None or call_id not in self._calls:
            place = (*(result.place or turn.place), "tool_call_id")
            message = f"No tool call found for the output of {call_id!r}."
            raise Unsupported(400, message, code="invalid_value", param=exact(place))
        content = result.content
        whole = len(content) == 1 and isinstance(content[0], Text) and content[0].cache is None and is_whole(content[0])
        output: Any = content[0].text if whole and isinstance(content[0], Text) else input_parts(content, self._losses) or ""
        made = {"type": f"{self._calls[call_id]}_output", "call_id": call_id, "output": output}
        if self._results.get(call_id) != made:  # the same told twice is one result: Responses takes no more
            self._items.append(made)
        self._results[call_id] = made


def is_whole(block: Text) -> bool:
    """Whether a text was all of a content, and not a part of it."""
    return block.called in ("content", "input", "instructions") or not block.called


def _empty(block: Block) -> bool:
    return isinstance(block, Text) and is_whole(block) and not block.text
