"""Which chat messages say what the turns of another wire say?

All who speak chat agree on less than its specification: one message of the system, which stands first; results that follow the
message which called at once, as texts; one message for all that the assistant says and calls in a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.pieced_text import PiecedText
from providers.canonical.blocks import (
    Block,
    Compaction,
    Reasoning,
    Refusal,
    Role,
    SettingsChange,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
)
from providers.canonical.codec import Traits
from providers.canonical.extra import Json, Place, exact
from providers.canonical.functions import SEARCH, full_name
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.canonical.tools import CallKind
from providers.errors import Unsupported
from providers.wire.openai_chat.codec.requests.parts import Said, compact, in_turn, joined, only_text, parts_of

SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
SILENT = (ToolsChange, SettingsChange)


class Conversation:
    """The messages, made of turns one after the other. `tools` are those that turns bring, `thinking` and `output` what turns
    have set anew."""

    def __init__(self, request: Request, traits: Traits, losses: Losses) -> None:
        self.tools: list[ToolsChange] = []
        self.thinking: Thinking | None = None
        self.output: Output | None = None
        self._losses = losses
        self._returns_reasoning = traits.returns_reasoning
        self._top: Place = (request.words.get("Request.turns", "messages"),)
        self._opening: list[Said] = []
        """What the system says before the conversation."""
        self._messages: list[Json] = []
        self._images: list[Json] = []
        self._reasoning = PiecedText()
        self._caller: Json = {}
        """The last message that called."""
        self._calls: set[str] = set()
        """Those whose results have not come."""
        self._made: dict[str, Json] = {}
        """What was called last under an id."""
        self._repeated: dict[str, Json] = {}
        """Calls that are as one before them, which has its result: another one if a result comes, else the same told twice."""
        self._outputs: dict[str, list[Json]] = {}
        self._held: list[Json] = []
        """What was said before the results of the calls before it, which must follow these at once."""
        self._nameless = 0
        """Calls that have no id."""
        for turn in (*request.system, *request.turns):
            self._take(turn)

    def messages(self) -> list[Json]:
        """All of them. Raises 400 `Unsupported` if there are none, or results are missing."""
        self._tell_images()
        if self._opening:
            self._messages.insert(0, {"role": "system", "content": in_turn(self._opening)})
        if not self._messages:
            raise _refused(f"The field {exact(self._top)!r} is empty.", self._top)
        if self._calls:
            raise _refused(f"No tool output found for function call {min(self._calls)}.", self._top)
        for message in self._messages:
            message |= {name: str(text) for name, text in message.items() if isinstance(text, PiecedText)}
        return self._messages

    def _take(self, turn: Turn) -> None:
        for change in (block for block in turn.blocks if isinstance(block, SILENT)):
            self._change(change)
        blocks = [block for block in turn.blocks if not isinstance(block, SILENT)]
        if turn.role in SYSTEM:
            self._system(turn, blocks)
        elif turn.role is Role.ASSISTANT:
            self._answered(blocks)
        else:
            results = [block for block in blocks if isinstance(block, ToolResult)]
            for result in results:
                self._result(result)
            said = [block for block in blocks if not isinstance(block, ToolResult)]
            if said or not (turn.blocks or results):
                self._said(turn, said)

    def _change(self, change: Block) -> None:
        """Settings that hold from here on, so that the last ones count for what is asked."""
        if isinstance(change, ToolsChange):
            self.tools.append(change)
        elif isinstance(change, SettingsChange):
            self.thinking = _later(self.thinking, change.thinking)
            self.output = _later(self.output, change.output)

    def _system(self, turn: Turn, blocks: Sequence[Block]) -> None:
        parts = parts_of(blocks, self._losses)
        for block, part in zip(blocks, parts, strict=True):
            if part is not None and part["type"] != "text":
                self._losses.whole(block)
        self._instruct(only_text([part for part in parts if part is not None]))

    def _instruct(self, said: Said) -> None:
        """One message of the system stands first, of all that comes before the conversation. What comes later is told as the
        user's, at its place: the templates of Qwen and Mistral refuse a second message of the system, those of Gemma and gpt-oss
        drop it, and in front of the conversation it would say something else."""
        if said and self._messages:
            self._add({"role": "user", "content": said})
        elif said:
            self._opening.append(said)

    def _said(self, turn: Turn, blocks: Sequence[Block]) -> None:
        parts = [part for part in parts_of(blocks, self._losses) if part is not None]
        if turn.recipient is not None:  # what one agent of the client tells another
            if parts:
                text = f"Message from {turn.name} to {turn.recipient}:\n{joined(parts)}"
                self._add({"role": "user", "content": text})
            return
        if parts or not blocks:
            self._add({"role": "user", **({"name": turn.name} if turn.name else {}), "content": compact(parts)})

    def _answered(self, blocks: Sequence[Block]) -> None:
        """What the assistant thought, said and called, in that order as it did."""
        run: list[Block] = []
        for block in blocks:
            take = TAKERS.get(type(block))
            if take is None:
                run.append(block)
                continue
            self._run(run)
            run = []
            take(self, block)
        if run or not blocks:
            self._run(run, empty=not blocks)

    def _run(self, blocks: Sequence[Block], *, empty: bool = False) -> None:
        refusals = [block.text for block in blocks if isinstance(block, Refusal)]
        others = [block for block in blocks if not isinstance(block, Refusal)]
        parts = parts_of(others, self._losses)
        for block, part in zip(others, parts, strict=True):
            if part is not None and part["type"] != "text":
                self._losses.whole(block)
        texts = [part for part in parts if part is not None]
        if not (texts or refusals or empty):
            return
        refusal = {"refusal": "".join(refusals)} if refusals else {}
        self._assistant({"content": joined(texts)} | refusal, pending=bool(self._calls))

    def thought(self, block: Reasoning) -> None:
        self._reasoning.add(block.text)

    def called(self, block: ToolCall) -> None:
        custom, call_id = block.kind is CallKind.CUSTOM, block.call_id
        name = SEARCH if block.kind is CallKind.SEARCH else full_name(block.namespace, block.name)
        arguments = _encoded({"input": block.arguments}) if custom else block.arguments or "{}"
        if call_id is None:
            call_id = f"call_{self._nameless}"
            self._nameless += 1
        made = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        if self._made.get(call_id) != made:
            if call_id in self._calls:
                raise _refused(f"Two different calls have the call_id {call_id!r}.", block.place)
            self._begin(made)
        elif call_id not in self._calls:
            self._repeated[call_id] = made

    def _begin(self, call: Json) -> None:
        pending = bool(self._calls)
        self._calls.add(call["id"])
        self._made[call["id"]] = call
        self._repeated.pop(call["id"], None)
        self._assistant({"tool_calls": [call]}, pending=pending)

    def _result(self, result: ToolResult) -> None:
        call_id = result.call_id if result.call_id is not None else self._call_of(result)
        parts = [part for part in parts_of(result.content, self._losses) if part is not None]
        if result.is_error:
            self._losses.field(result, "is_error")
        if call_id not in self._calls and call_id in self._repeated:
            self._begin(self._repeated[call_id])
        if call_id not in self._calls:
            if call_id not in self._outputs:
                raise _refused(f"No tool call found for the output of {call_id!r}.", result.place)
            if self._outputs[call_id] == parts:
                return  # the same told twice
            raise _refused(f"The call {call_id!r} has two outputs, which differ.", result.place)
        self._calls.remove(call_id)
        self._outputs[call_id] = parts
        self._add({"role": "tool", "tool_call_id": call_id, "content": only_text(parts)})
        self._images += [part for part in parts if part["type"] != "text"]
        if not self._calls:
            held, self._held = self._held, []
            for message in held:
                self._add(message)

    def _call_of(self, result: ToolResult) -> str:
        """The first open call of that name, where the wire gives calls no ids."""
        found = (call_id for call_id in self._made if call_id in self._calls and self._names(call_id, result.name))
        return next(found, "")

    def _names(self, call_id: str, name: str | None) -> bool:
        return name is None or self._made[call_id]["function"]["name"] == name

    def compacted(self, block: Compaction) -> None:
        if block.text is None:
            raise _refused("This model's provider cannot read a compaction that another one has made.", block.place)
        self._add({"role": "user", "content": block.text})

    def _add(self, message: Json) -> None:
        if self._calls and message["role"] == "user":
            self._held.append(message)
            return
        if message["role"] != "tool":
            self._tell_images()
        self._messages.append(message)

    def _tell_images(self) -> None:
        """Images that tools gave stand after all results of the turn: chat's tool messages have only text."""
        if self._images:
            self._messages.append({"role": "user", "content": self._images})
            self._images = []

    def _assistant(self, more: Json, *, pending: bool) -> None:
        """What the assistant said and called in one turn is one message. While results are `pending` nothing but them may follow
        the message that called."""
        last = self._messages[-1] if self._messages else {}
        if pending:
            last = self._caller
            if "content" in more:
                more["content"] = _line_after(last.get("content"), more["content"])
        elif last.get("role") != "assistant" or ("content" in more and last.get("content")):
            last = {"role": "assistant", "content": None}
            self._add(last)
        if self._reasoning and self._returns_reasoning:
            last.setdefault("reasoning_content", PiecedText()).add(str(self._reasoning))
        self._reasoning = PiecedText()
        if calls := more.pop("tool_calls", None):
            last.setdefault("tool_calls", []).extend(calls)
            self._caller = last
        last |= more


TAKERS: Mapping[type, Callable[[Conversation, Any], None]] = MappingProxyType(
    {Reasoning: Conversation.thought, ToolCall: Conversation.called, Compaction: Conversation.compacted}
)
"""Blocks of the assistant that are no part of what it says."""


def _later(said: Any, later: Any) -> Any:
    """Settings, with those that were said later."""
    if said is None or later is None:
        return said if later is None else later
    fields = {name: getattr(later, name) for name in later.__struct_fields__ if getattr(later, name) is not None}
    return msgspec.structs.replace(said, **fields)


def _refused(message: str, place: Place) -> Unsupported:
    return Unsupported(400, message, code="invalid_value", param=exact(place))


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _line_after(said: Any, more: str) -> PiecedText | None:
    """What was said with one more line."""
    text = said if isinstance(said, PiecedText) else PiecedText(said or "")
    text.add("\n" + more if text and more else more)
    return text or None
