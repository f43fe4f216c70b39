"""Which contents say what the turns of another wire say?

Gemini wants the user first, the roles in turn, and all results of a content's calls in the next one, each with the name of its
call. What the system says stands outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Block,
    Compaction,
    Reasoning,
    Refusal,
    Role,
    SettingsChange,
    Text,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
)
from providers.canonical.codec import Traits
from providers.canonical.extra import Json, Place, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.canonical.signature import Signature
from providers.errors import Unsupported
from providers.wire.gemini.codec.calls import args_of, called_name
from providers.wire.gemini.codec.requests.parts import parts_of, texts_of
from providers.wire.gemini.codec.signatures import SKIP
from providers.wire.gemini.codec.words import WIRE

SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
USER, MODEL = "user", "model"
NOTHING_SAID = " "
"""What the user says before a conversation that the model begins: an empty text is refused."""


class Conversation:
    """The contents, made of turns one after the other. `tools` are those that turns bring, `thinking` and `output` what turns
    have set anew."""

    def __init__(self, request: Request, traits: Traits, losses: Losses) -> None:
        self.tools: list[ToolsChange] = []
        self.thinking: Thinking | None = None
        self.output: Output | None = None
        self.system: list[Json] = []
        """Parts of what the system says before the conversation."""
        self._losses = losses
        self._returns_reasoning = traits.returns_reasoning
        self._top: Place = (request.words.get("Request.turns", "contents"),)
        self._contents: list[Json] = []
        self._names: dict[str, str] = {}
        """Id of a call → what it calls."""
        self._unnamed: list[tuple[str, str | None]] = []
        """Calls without an id whose results have not come."""
        self._signature: Signature | None = None
        """Of thoughts, until there is a part of the model that it can stand at."""
        for turn in (*request.system, *request.turns):
            self._take(turn)
        self._leave_signature()

    def contents(self, *, signed: bool = True) -> list[Json]:
        """All of them, with calls `signed` as newer models want them. Raises 400 `Unsupported` if there are none."""
        if not self._contents:
            raise _refused(f"The field {exact(self._top)!r} is empty.", self._top)
        if self._contents[0]["role"] == MODEL:
            self._contents.insert(0, {"role": USER, "parts": [{"text": NOTHING_SAID}]})
        for content in self._contents:
            if content["role"] == MODEL and signed:
                let_pass(content["parts"])
            elif content["role"] == USER:
                content["parts"].sort(key=_after_results)
        return self._contents

    def _take(self, turn: Turn) -> None:
        for block in turn.blocks:
            if isinstance(block, ToolsChange | SettingsChange):
                self._change(block)
        blocks = [block for block in turn.blocks if not isinstance(block, ToolsChange | SettingsChange)]
        if turn.role is not Role.ASSISTANT:
            self._leave_signature()
        if turn.role in SYSTEM:
            self._instruct(turn, blocks)
        elif turn.role is Role.ASSISTANT:
            for block in blocks:
                take = TAKERS.get(type(block))
                if take is not None:
                    take(self, block)
                else:
                    self._add(MODEL, parts_of([block], self._losses, answered=True))
        else:
            self._said(turn, blocks)

    def _change(self, change: ToolsChange | SettingsChange) -> None:
        """Settings that hold from here on, so that the last ones count for what is asked."""
        if isinstance(change, ToolsChange):
            self.tools.append(change)
        else:
            self.thinking, self.output = later(self.thinking, change.thinking), later(self.output, change.output)

    def _instruct(self, turn: Turn, blocks: Sequence[Block]) -> None:
        """What the system says later is told as the user's, at its place: in front it would say something else."""
        parts = texts_of(blocks, self._losses)
        if self._contents:
            self._losses.field(turn, "role")
            self._add(USER, parts)
        else:
            self.system += parts

    def _said(self, turn: Turn, blocks: Sequence[Block]) -> None:
        results = [block for block in blocks if isinstance(block, ToolResult)]
        self._add(USER, [self._result(result) for result in results])
        parts = parts_of([block for block in blocks if not isinstance(block, ToolResult)], self._losses)
        if parts and turn.recipient is not None:  # what one agent of the client tells another
            parts.insert(0, {"text": f"Message from {turn.name} to {turn.recipient}:\n"})
        elif turn.name is not None:
            self._losses.field(turn, "name")
        if not parts and not results:  # an empty text is refused, and so is a conversation without one
            parts = [{"text": NOTHING_SAID}]
        self._add(USER, parts)

    def _result(self, result: ToolResult) -> Json:
        name = self._name_of(result)
        if name is None:
            said = result.call_id if result.call_id is not None else result.name
            raise _refused(f"No tool call found for the output of {said!r}.", result.place)
        made: Json = {"id": result.call_id} if result.call_id is not None else {}
        parts = parts_of(result.content, self._losses, of_result=True)
        text = "".join(part["text"] for part in parts if "text" in part)
        made |= {"name": name, "response": _response(text, is_error=result.is_error is True)}
        files = [part for part in parts if "text" not in part]
        return {"functionResponse": made | ({"parts": files} if files else {})}

    def _name_of(self, result: ToolResult) -> str | None:
        if result.call_id is not None and result.call_id in self._names:
            return self._names[result.call_id]
        for number, (name, call_id) in enumerate(self._unnamed):
            if call_id is None and result.call_id is None and result.name in (None, name):
                del self._unnamed[number]
                return name
        return None

    # What the model said

    def text(self, block: Text) -> None:
        if block.text:
            self._add(MODEL, [{"text": block.text, **self._signed(block, block.signature)}])
        elif block.signature is not None and block.signature.wire is WIRE:
            self._signature = block.signature

    def refusal(self, block: Refusal) -> None:
        if block.text:
            self._add(MODEL, [{"text": block.text}])

    def thought(self, block: Reasoning) -> None:
        """Gemini's own thoughts go back; their signature stands at what came of them, which other wires cannot say."""
        for name in ("signature", "sealed"):
            signature: Signature | None = getattr(block, name)
            if signature is not None and signature.wire is WIRE:
                self._signature = signature if signature.value else self._signature  # some wires must have one, and have it empty
            elif signature is not None:
                self._losses.field(block, name)
        own = block.signature is not None and block.signature.wire is WIRE
        if block.text and (own or self._returns_reasoning):
            self._add(MODEL, [{"text": block.text, "thought": True}])

    def called(self, block: ToolCall) -> None:
        args, same = args_of(block)
        if not same:
            self._losses.field(block, "arguments")
        name = called_name(block)
        if block.call_id is not None:
            self._names[block.call_id] = name
        else:
            self._unnamed.append((name, None))
        call: Json = {"id": block.call_id} if block.call_id is not None else {}
        signature = self._signed(block, block.signature)
        if not signature and self._signature is not None:
            signature = {"thoughtSignature": self._signature.value}
        self._signature = None
        self._add(MODEL, [{"functionCall": {**call, "name": name, "args": args or {}}, **signature}])

    def compacted(self, block: Compaction) -> None:
        if block.text is None:
            raise _refused("This model's provider cannot read a compaction that another one has made.", block.place)
        self._add(USER, [{"text": block.text}])

    def _signed(self, block: Text | ToolCall, signature: Signature | None) -> Json:
        if signature is None or not signature.value:
            return {}
        if signature.wire is not WIRE:
            self._losses.field(block, "signature")
            return {}
        return {"thoughtSignature": signature.value}

    def _leave_signature(self) -> None:
        """The signature of thoughts that no call came of stands at the last text that the model has said."""
        signature, self._signature = self._signature, None
        last = self._contents[-1] if self._contents else {}
        if signature is None or last.get("role") != MODEL:
            return
        texts = [part for part in last["parts"] if "text" in part and "thought" not in part]
        if texts:
            texts[-1].setdefault("thoughtSignature", signature.value)

    def _add(self, role: str, parts: list[Json]) -> None:
        if not parts:
            return
        if self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"] += parts
        else:
            self._contents.append({"role": role, "parts": parts})


TAKERS: Mapping[type, Callable[[Conversation, Any], None]] = MappingProxyType(
    {
        Text: Conversation.text,
        Refusal: Conversation.refusal,
        Reasoning: Conversation.thought,
        ToolCall: Conversation.called,
        Compaction: Conversation.compacted,
    }
)
"""What the model says, thinks and calls; all else is a part like the client's."""


def let_pass(parts: list[Json]) -> None:
    """The first call of a content must be signed; one that no Gemini model has signed gets Google's word for that."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", SKIP)


def _after_results(part: Json) -> bool:
    """Results stand first in what follows calls."""
    return "functionResponse" not in part


def _response(text: str, *, is_error: bool) -> Json:
    """What a tool gave back, as an object: its own, or one of the documented form around a text."""
    if text.lstrip().startswith("{") and not is_error:
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
    return {"error" if is_error else "output": text}


def later(said: Any, more: Any) -> Any:
    """Settings, with those that were said later."""
    if said is None or more is None:
        return said if more is None else more
    fields = {name: getattr(more, name) for name in more.__struct_fields__ if getattr(more, name) is not None}
    return msgspec.structs.replace(said, **fields)


def _refused(message: str, place: Place) -> Unsupported:
    return Unsupported(400, message, code="invalid_value", param=exact(place))
