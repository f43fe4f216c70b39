"""Which messages say what the turns of another wire say?

Format: Anthropic's reference of October 2026, `messages`. Messages of the user and of the assistant alternate; the results of all
calls of a message stand first in the next one, and then what the user says; a result of no call is refused, and so is a call
without one. Thoughts are told to the vendor that has signed them and to no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

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
from providers.canonical.functions import sent_arguments, sent_name
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.errors import Unsupported
from providers.wire.anthropic_messages.codec.answers.content import object_of
from providers.wire.anthropic_messages.codec.block_json import sealed_json
from providers.wire.anthropic_messages.codec.blocks import REDACTED
from providers.wire.anthropic_messages.codec.requests.models import Model
from providers.wire.anthropic_messages.codec.requests.parts import marked, parts_of, texts_of
from providers.wire.anthropic_messages.codec.words import WIRE

SYSTEM = (Role.SYSTEM, Role.DEVELOPER)
SILENT = (ToolsChange, SettingsChange)
ODD = re.compile(r"[^a-zA-Z0-9_-]")
"""What an id of a call must not have here."""


class _Message:
    """One message on its way: `results` stand before all else."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.results: list[Json] = []
        self.said: list[Json] = []

    def json(self) -> Json:
        content = self.results + self.said
        bare = len(content) == 1 and content[0].keys() == {"type", "text"} and content[0]["type"] == "text"
        return {"role": self.role, "content": content[0]["text"] if bare else content}


class Conversation:
    """The messages, made of turns one after the other. `tools` are those that turns bring, `called` the names of all calls,
    `thinking` and `output` what turns have set anew."""

    def __init__(self, request: Request, model: Model, losses: Losses) -> None:
        self.tools: list[ToolsChange] = []
        self.called: list[str] = []
        self.thinking: Thinking | None = None
        self.output: Output | None = None
        self._losses = losses
        self._model = model
        self._top: Place = (request.words.get("Request.turns", "messages"),)
        self._system: list[Json] = []
        self._messages: list[_Message] = []
        self._caller = _Message("assistant")
        """The last message that called."""
        self._open: dict[str, Json] = {}
        """Calls whose results have not come, by the ids that they have here."""
        self._answered: dict[str, Json] = {}
        self._ids: dict[str, str] = {}
        self._held: list[_Message] = []
        """Messages of the system that came before the results of the calls before them."""
        self._unsigned: list[Reasoning] = []
        """Thoughts of the turn so far that nobody has signed: what their maker has signed may follow."""
        for turn in (*request.system, *request.turns):
            self._take(turn)

    def fields(self) -> Json:
        """The fields `system` and `messages`. Raises 400 `Unsupported` if there are none, or results are missing."""
        if self._open:
            message = f"No tool output found for function call {min(self._open)}."
            raise Unsupported(400, message, code="invalid_value", param=exact(self._top))
        told = [one.json() for one in self._messages if one.results or one.said]
        if not told:
            raise Unsupported(400, f"The field {exact(self._top)!r} is empty.", code="invalid_value", param=exact(self._top))
        system = self._system
        bare = len(system) == 1 and len(system[0]) == 2
        return ({"system": system[0]["text"] if bare else system} if system else {}) | {"messages": told}

    def thinks_first(self) -> bool:
        """Whether the last answer, if its calls are being answered, begins with thoughts: a model that has a budget for them
        refuses any other."""
        before = self._messages[-2:]
        if len(before) < 2 or not before[1].results or before[0].role != "assistant":
            return True
        return bool(before[0].said) and before[0].said[0]["type"] in ("thinking", "redacted_thinking")

    # Turns

    def _take(self, turn: Turn) -> None:
        for change in turn.blocks:
            if isinstance(change, ToolsChange):
                self.tools.append(change)
            elif isinstance(change, SettingsChange):
                self.thinking, self.output = _later(self.thinking, change.thinking), _later(self.output, change.output)
        blocks = [block for block in turn.blocks if not isinstance(block, SILENT)]
        if turn.role in SYSTEM:
            self._instruct(turn, texts_of(blocks, self._losses))
        elif turn.role is Role.ASSISTANT:
            self._assistant(turn, blocks)
        else:
            for block in blocks:
                if isinstance(block, ToolResult):
                    self._result(block)
            self._user(turn, parts_of([block for block in blocks if not isinstance(block, ToolResult)], self._losses))

    def _instruct(self, turn: Turn, said: list[Json]) -> None:
        """What the system says before the conversation stands outside it, what it says later at its place: as the system's
        where the model takes that, else as the user's, which is named."""
        if said and turn.cache is not None:
            said[-1] |= marked(turn.cache, self._losses)
        if not said:
            return
        if not self._messages:
            self._system += said
        elif not self._model.system:
            self._losses.field(turn, "role")
            self._last("user").said += said
        else:
            message = _Message("system")
            message.said = said
            (self._held if self._open else self._messages).append(message)

    def _user(self, turn: Turn, said: list[Json]) -> None:
        if said and turn.recipient is not None:  # what one agent of the client tells another
            said.insert(0, {"type": "text", "text": f"Message from {turn.name} to {turn.recipient}:"})
        if said and turn.cache is not None:
            said[-1] |= marked(turn.cache, self._losses)
        if said:
            self._last("user").said += said

    def _assistant(self, turn: Turn, blocks: Sequence[Block]) -> None:
        run: list[Block] = []
        for block in blocks:
            take = TAKERS.get(type(block))
            if take is None:
                run.append(block)
                continue
            self._say(run)
            run = []
            take(self, block)
        self._say(run)
        for thought in self._unsigned:
            self._losses.whole(thought)
        self._unsigned = []

    def _say(self, blocks: Sequence[Block]) -> None:
        if blocks and (said := texts_of(blocks, self._losses)):
            self._answering().said += said

    def _last(self, role: str) -> _Message:
        """The message that goes on, which is a new one if another's was the last."""
        if not self._messages or self._messages[-1].role != role:
            self._messages.append(_Message(role))
        return self._messages[-1]

    def _answering(self) -> _Message:
        """The assistant's message. Between a message that called and its results nothing may stand."""
        return self._caller if self._open else self._last("assistant")

    # What the assistant thinks and calls

    def thought(self, block: Reasoning) -> None:
        signature, sealed = block.signature, block.sealed
        if signature is not None and signature.wire is WIRE:
            self._think({"type": "thinking", "thinking": block.text, "signature": signature.value})
        elif sealed is not None and sealed.wire is WIRE:
            if sealed.value.startswith(REDACTED):
                self._think({"type": "redacted_thinking", "data": sealed_json(sealed)})
            else:  # it has travelled through a wire that has one field for both
                text = "".join(one.text for one in self._unsigned)
                self._think({"type": "thinking", "thinking": text, "signature": sealed.value})
                self._unsigned = []
        elif signature is None and sealed is None:
            self._unsigned.append(block)
        else:
            self._losses.whole(block)

    def _think(self, made: Json) -> None:
        self._answering().said.append(made)

    def called_tool(self, block: ToolCall) -> None:
        name, arguments = sent_name(block), sent_arguments(block)
        given = object_of(arguments)
        if given is None:
            self._losses.field(block, "arguments")
        known = self._id(block.call_id or f"call_{len(self.called)}")
        made: Json = {"type": "tool_use", "id": known, "name": name, "input": {"input": arguments} if given is None else given}
        if known in self._open or known in self._answered:
            if self._open.get(known) == made or self._answered.get(known) is not None:
                return  # the same told twice
            raise _refused(f"Two different calls have the call_id {block.call_id!r}.", block.place)
        target = self._answering()
        target.said.append(made if block.cache is None else made | marked(block.cache, self._losses))
        self._caller = target
        self._open[known] = made
        self.called.append(name)

    def _id(self, call_id: str) -> str:
        """The id here: of characters that it may have, and no other's."""
        known = self._ids.get(call_id)
        if known is None:
            known = base = ODD.sub("_", call_id)
            number = 0
            while known in self._ids.values():
                number += 1
                known = f"{base}_{number}"
            self._ids[call_id] = known
        return known

    def compacted(self, block: Compaction) -> None:
        """A compaction stands for what was said before it, so that it cannot be left out."""
        if block.text is None:
            raise _refused("This model's provider cannot read a compaction that another one has made.", block.place)
        self._last("user").said += parts_of([Text(block.text, place=block.place)], self._losses)

    def _result(self, result: ToolResult) -> None:
        call_id = self._ids.get(result.call_id or "") if result.call_id is not None else self._call_of(result)
        parts = parts_of(result.content, self._losses)
        if call_id is None or (call_id not in self._open and call_id not in self._answered):
            raise _refused(f"No tool call found for the output of {result.call_id!r}.", result.place)
        bare = len(parts) == 1 and parts[0].keys() == {"type", "text"}
        made: Json = {"type": "tool_result", "tool_use_id": call_id}
        made |= {"content": parts[0]["text"] if bare else parts} if parts else {}
        if result.is_error:
            made["is_error"] = True
        if call_id not in self._open:
            if self._answered[call_id] == made:
                return  # the same told twice
            raise _refused(f"The call {result.call_id!r} has two outputs, which differ.", result.place)
        del self._open[call_id]
        self._answered[call_id] = made
        self._last("user").results.append(made if result.cache is None else made | marked(result.cache, self._losses))
        if not self._open:
            self._messages += self._held
            self._held = []

    def _call_of(self, result: ToolResult) -> str | None:
        """The first open call of that name, where the wire gives calls no ids."""
        found = (known for known, call in self._open.items() if result.name in (None, call["name"]))
        return next(found, None)


TAKERS: Mapping[type, Callable[[Conversation, Any], None]] = MappingProxyType(
    {Reasoning: Conversation.thought, ToolCall: Conversation.called_tool, Compaction: Conversation.compacted}
)
"""Blocks of the assistant that are no part of what it says."""


def _later(said: Any, later: Any) -> Any:
    """Settings, with those that were said later."""
    if said is None or later is None:
        return said if later is None else later
    fields = {name: value for name in later.__struct_fields__ if (value := getattr(later, name)) is not None}
    return msgspec.structs.replace(said, **fields)


def _refused(message: str, place: Place) -> Unsupported:
    return Unsupported(400, message, code="invalid_value", param=exact(place))
