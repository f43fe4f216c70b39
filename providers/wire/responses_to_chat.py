"""How does a Responses request become a chat request, for an upstream that only has chat?

Formats: OpenResponses specification of 2026-04-24 and OpenAI OpenAPI document of August 2026, `/responses`, to
`/chat/completions`. What chat has no word for is left out and named; what cannot be left out without changing the
meaning is refused with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.pieced_text import PiecedText
from providers.wire.openai_responses.tools import SEARCH, Json, Tools, full_name, refused, tool_fields
from providers.wire.responses_fields_to_chat import chat_fields, check_format, check_types, left_out
from providers.wire.responses_parts_to_chat import Said, compact, content_of, in_turn, joined, only_text

MISFITS = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a value that has not the type that the format gives it."""
UPSTREAM_ONLY = ("prompt", "conversation")
"""Fields that name something which lies at the upstream."""
HISTORY_ONLY = frozenset(
    {"web_search_call", "file_search_call", "computer_call", "computer_call_output", "code_interpreter_call",
     "image_generation_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
     "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_call", "mcp_approval_request",
     "mcp_approval_response", "program", "program_output"}
)  # fmt: skip
"""Items of tools that the upstream has not; what they brought is in the messages after them."""
SILENT = frozenset({"type", "id", "status", "phase", "created_by", "internal_chat_message_metadata_passthrough"})
"""Fields of items that say nothing to the model, or mean something to the upstream alone that made them."""


DIRECT = {"type": "direct"}
"""The `caller` of a tool that the model calls, and no program."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The chat request without its model; `lossy` names the fields that were left out."""

    body: Json
    tools: Tools
    lossy: tuple[str, ...]


def to_chat(request: Json, *, returns_reasoning: bool = False) -> Converted:
    """The chat request that means the same. With `returns_reasoning` the upstream wants its reasoning back.

    Raises 400 `CallerError`s that name the place.
    """
    check_types(request)
    try:
        return _converted(request, returns_reasoning)
    except MISFITS as error:
        raise refused("A field of the request has not the type that it must have.", None, "invalid_type") from error


def _converted(request: Json, returns_reasoning: bool) -> Converted:
    for name in UPSTREAM_ONLY:
        if request.get(name) is not None:
            raise refused(f"This model's provider has no {name!r}.", name)
    if request.get("background"):
        raise refused("This model's provider makes no responses in the background.", "background")
    lossy = list(left_out(request))
    messages = _Messages(returns_reasoning)
    if request.get("instructions"):
        messages.instruct(_instructions(request["instructions"], lossy))
    messages.take(items_of(request.get("input")))
    tools = Tools()
    body: Json = {"messages": messages.done()}
    body |= tool_fields(request, tools, lossy, messages.tools)
    if messages.changes:
        request = request | {name: (request.get(name) or {}) | said for name, said in messages.changes.items()}
    body |= chat_fields(request)
    return Converted(body, tools, tuple(dict.fromkeys(lossy + messages.lossy)))


def items_of(value: Any) -> list[Json]:
    """The input as items. Raises 400 for anything but a text or objects."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    if not isinstance(value, list):
        raise refused("The field 'input' must be a text or a list of items.", "input")
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise refused("An item must be an object.", f"input[{place}]")
    return value


class _Messages:
    """Chat messages, made of items one after the other. `tools` are those that items bring, with their places; `changes` the
    fields of the request that items set anew."""

    def __init__(self, returns_reasoning: bool) -> None:
        self.lossy: list[str] = []
        self.tools: list[tuple[str, Any]] = []
        self.changes: Json = {}
        self._opening: list[Said] = []
        """What the system says before the conversation."""
        self._messages: list[Json] = []
        self._images: list[Json] = []
        self._reasoning = PiecedText()
        self._caller: Json = {}
        """The last message that called."""
        self._returns_reasoning = returns_reasoning
        self._calls: set[str] = set()
        """Those whose results have not come."""
        self._made: dict[str, Json] = {}
        """What was called last under an id."""
        self._repeated: dict[str, Json] = {}
        """Calls that are as one before them, which has its result: another one if a result comes, else the same told twice."""
        self._outputs: dict[str, list[Json]] = {}
        self._held: list[Json] = []
        """What was said before the results of the calls before it, which must follow these at once."""
        self._place = ""

    def add(self, message: Json) -> None:
        """Images that tools gave stand after all results of the turn: chat's tool messages have only text."""
        if self._calls and message["role"] == "user":
            self._held.append(message)
            return
        if message["role"] != "tool" and self._images:
            self._messages.append({"role": "user", "content": self._images})
            self._images = []
        self._messages.append(message)

    def instruct(self, said: Said) -> None:
        """One message of the system stands first, of all that comes before the conversation. What comes later is told as the
        user's, at its place: the templates of Qwen and Mistral refuse a second message of the system, those of Gemma and gpt-oss
        drop it, and in front of the conversation it would say something else."""
        if said and self._messages:
            self.add({"role": "user", "content": said})
        elif said:
            self._opening.append(said)

    def take(self, items: Sequence[Json]) -> None:
        for number, item in enumerate(items):
            self._place = f"input[{number}]"
            kind = item.get("type") or _kind_of(item)
            if isinstance(kind, str) and kind in HISTORY_ONLY:
                self.lossy.append(f"{self._place} ({kind})")
                continue
            if not isinstance(kind, str) or kind not in TAKERS:
                raise refused(f"This model's provider cannot take an item of type {kind!r}.", self._place)
            take, known = TAKERS[kind]
            self.lossy += [
                f"input[].{name}"
                for name, said in item.items()
                if not (name in SILENT or name in known or said in (None, DIRECT))
            ]
            try:
                take(self, item)
            except MISFITS as error:
                raise refused("A field of the item has not the type that it must have.", self._place, "invalid_type") from error

    def done(self) -> list[Json]:
        if self._images:
            self._messages.append({"role": "user", "content": self._images})
            self._images = []
        if self._opening:
            self._messages.insert(0, {"role": "system", "content": in_turn(self._opening)})
        if not self._messages:
            raise refused("The field 'input' is empty.", "input")
        if self._calls:
            raise refused(f"No tool output found for function call {min(self._calls)}.", "input")
        for message in self._messages:
            message |= {name: str(text) for name, text in message.items() if isinstance(text, PiecedText)}
        return self._messages

    def message(self, item: Json) -> None:
        role = {"developer": "system"}.get(str(item.get("role")), item.get("role"))
        if role not in ("system", "user", "assistant"):
            raise refused(f"The role {role!r} is none of user, assistant, system and developer.", f"{self._place}.role")
        content = content_of(item.get("content"), self._place, self.lossy)
        if role == "user":
            self.add({"role": role, "content": compact(content)})
            return
        self.lossy += [f"{self._place} ({part['type']})" for part in content if part["type"] != "text"]
        if role == "system":
            self.instruct(only_text(content))
        else:
            self._assistant({"content": joined(content)} | self._refusal(item), pending=bool(self._calls))

    def agent(self, item: Json) -> None:
        """What one agent of the client tells another: Codex, `agent_message`. Some of it may be encrypted, for OpenAI alone."""
        parts = item.get("content") or []
        kept = [part for part in parts if part.get("type") != "encrypted_content"]
        self.lossy += [f"{self._place} (encrypted_content)"] if len(kept) < len(parts) else []
        if kept:
            told = joined(content_of(kept, self._place, self.lossy))
            self.add({"role": "user", "content": f"Message from {item.get('author')} to {item.get('recipient')}:\n{told}"})

    def call(self, item: Json) -> None:
        custom = item["type"] == "custom_tool_call"
        arguments = _encoded({"input": item.get("input", "")}) if custom else item.get("arguments") or "{}"
        name, call_id = item.get("name"), item.get("call_id")
        if not name or not call_id:
            raise refused("A call needs 'name' and 'call_id'.", self._place, "missing_required_parameter")
        self._call(call_id, full_name(item.get("namespace"), name), arguments)

    def search(self, item: Json) -> None:
        """A search for tools that the client has done is a call; one that its upstream has done brought only the tools."""
        if item.get("execution") == "client" and item.get("call_id"):
            self._call(item["call_id"], SEARCH, _encoded(item.get("arguments") or {}))
        else:
            self.lossy.append(f"{self._place} ({item['type']})")

    def _call(self, call_id: str, name: str, arguments: Any) -> None:
        made = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        if self._made.get(call_id) != made:
            if call_id in self._calls:
                raise refused(f"Two different calls have the call_id {call_id!r}.", self._place)
            self._begin(made)
        elif call_id not in self._calls:
            self._repeated[call_id] = made

    def _begin(self, call: Json) -> None:
        pending = bool(self._calls)
        self._calls.add(call["id"])
        self._made[call["id"]] = call
        self._repeated.pop(call["id"], None)
        self._assistant({"tool_calls": [call]}, pending=pending)

    def output(self, item: Json) -> None:
        output = item.get("output")
        parts = [{"type": "text", "text": output}] if isinstance(output, str) else content_of(output, self._place, self.lossy)
        self._output(item.get("call_id"), parts)

    def found(self, item: Json) -> None:
        """The tools that were found join those of the request; the model is told which, if it has searched."""
        tools = item.get("tools") or []
        self.tools.append((f"{self._place}.tools", tools))
        if item.get("execution") == "client" and item.get("call_id") in self._made:
            told = [{name: tool[name] for name in ("type", "name", "description") if tool.get(name)} for tool in tools]
            self._output(item["call_id"], [{"type": "text", "text": _encoded(told)}])

    def _output(self, call_id: Any, parts: list[Json]) -> None:
        if call_id not in self._calls and call_id in self._repeated:
            self._begin(self._repeated[call_id])
        if call_id not in self._calls:
            if call_id not in self._outputs:
                raise refused(f"No tool call found for the output of {call_id!r}.", self._place)
            if self._outputs[call_id] == parts:
                return  # the same told twice
            raise refused(f"The call {call_id!r} has two outputs, which differ.", self._place)
        self._calls.remove(call_id)
        self._outputs[call_id] = parts
        self.add({"role": "tool", "tool_call_id": call_id, "content": only_text(parts)})
        self._images += [part for part in parts if part["type"] != "text"]
        if not self._calls:
            held, self._held = self._held, []
            for message in held:
                self.add(message)

    def more_tools(self, item: Json) -> None:
        self.tools.append((f"{self._place}.tools", item.get("tools") or []))

    def configured(self, item: Json) -> None:
        """Settings that hold from here on, so that the last ones count for what is asked."""
        for name in ("reasoning", "text"):
            if item.get(name) is not None:
                self.changes[name] = self.changes.get(name, {}) | item[name]
        check_format(self.changes.get("text", {}).get("format"), f"{self._place}.text.format")

    def reasoning(self, item: Json) -> None:
        parts = item.get("content") or item.get("summary") or []
        self._reasoning.add("".join(part.get("text") or "" for part in parts if isinstance(part, dict)))

    def compaction(self, item: Json) -> None:
        raise refused("This model's provider cannot read a compaction that another one has made.", self._place)

    def compact(self, item: Json) -> None:
        message = "This model's provider compacts nothing while it responds; use POST /v1/responses/compact."
        raise refused(message, self._place, "unsupported_parameter")

    def reference(self, item: Json) -> None:
        raise refused(f"There is no item {item.get('id')!r}.", self._place, "item_not_found")

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
            self.add(last)
        if self._reasoning and self._returns_reasoning:
            last.setdefault("reasoning_content", PiecedText()).add(str(self._reasoning))
        self._reasoning = PiecedText()
        if calls := more.pop("tool_calls", None):
            last.setdefault("tool_calls", []).extend(calls)
            self._caller = last
        last |= more

    @staticmethod
    def _refusal(item: Json) -> Json:
        parts = item.get("content")
        said = [part.get("refusal", "") for part in parts if part.get("type") == "refusal"] if isinstance(parts, list) else []
        return {"refusal": "".join(said)} if said else {}


CALL = frozenset({"call_id", "name", "namespace", "arguments", "input"})
OUTPUT = frozenset({"call_id", "name", "namespace", "output"})
SEARCHED = frozenset({"call_id", "execution", "arguments", "tools"})
TAKERS: Mapping[str, tuple[Callable[[_Messages, Json], None], frozenset[str]]] = MappingProxyType(
    {
        "message": (_Messages.message, frozenset({"role", "content"})),
        "agent_message": (_Messages.agent, frozenset({"author", "recipient", "content"})),
        "function_call": (_Messages.call, CALL),
        "custom_tool_call": (_Messages.call, CALL),
        "tool_search_call": (_Messages.search, SEARCHED),
        "function_call_output": (_Messages.output, OUTPUT),
        "custom_tool_call_output": (_Messages.output, OUTPUT),
        "tool_search_output": (_Messages.found, SEARCHED),
        "additional_tools": (_Messages.more_tools, frozenset({"role", "tools"})),
        "configuration_update": (_Messages.configured, frozenset({"reasoning", "text"})),
        "reasoning": (_Messages.reasoning, frozenset({"summary", "content", "encrypted_content"})),
        "compaction": (_Messages.compaction, SILENT),
        "context_compaction": (_Messages.compaction, SILENT),
        "compaction_trigger": (_Messages.compact, SILENT),
        "item_reference": (_Messages.reference, SILENT),
    }
)
"""The types of items with what becomes of them, and the fields that count; those of `HISTORY_ONLY` are left out, and any other is
refused."""


def _kind_of(item: Json) -> str | None:
    """What an item without a type is."""
    if "role" in item:
        return "message"
    return "item_reference" if "id" in item and item.keys() <= {"id", "type"} else None


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _line_after(said: Any, more: str) -> PiecedText | None:
    """What was said with one more line."""
    text = said if isinstance(said, PiecedText) else PiecedText(said or "")
    text.add("\n" + more if text and more else more)
    return text or None


def _instructions(value: Any, lossy: list[str]) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(joined(content_of(item.get("content"), "instructions", lossy)) for item in items_of(value))
