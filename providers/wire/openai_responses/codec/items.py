"""How is an item read as a turn? One item is one turn, in a request as in an answer.

Formats: OpenAI's OpenAPI document of November 2026, `/responses`, and the OpenResponses specification of 2026-04-24. Items of
tools that only an upstream of this wire has are opaque: what they brought is in the messages after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Block,
    Compaction,
    Image,
    Opaque,
    Reasoning,
    Role,
    SettingsChange,
    Source,
    SourceKind,
    Text,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
)
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.signature import signature_in
from providers.canonical.tools import CallKind
from providers.errors import InvalidResponse
from providers.wire.openai_responses.codec.parts import WHOLE_TEXT, blocks_of
from providers.wire.openai_responses.codec.requests.settings import output_of, thinking_of
from providers.wire.openai_responses.codec.requests.tools import tools_of
from providers.wire.openai_responses.codec.words import WIRE, own

HISTORY_ONLY = frozenset(
    {"web_search_call", "file_search_call", "computer_call", "computer_call_output", "code_interpreter_call",
     "image_generation_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
     "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_call", "mcp_approval_request",
     "mcp_approval_response", "program", "program_output", "tool_search_call"}
)  # fmt: skip
"""Items that can be left out."""
SILENT = frozenset(
    {"type", "id", "status", "phase", "created_by", "internal_chat_message_metadata_passthrough", "role", "namespace", "name",
     "execution", "output_format"}
)  # fmt: skip
"""Fields of items that say nothing to the model, or mean something to the upstream alone that made them."""
DIRECT = {"type": "direct"}
"""The `caller` of a tool that the model calls, and no program."""
ROLES: Mapping[Any, Role] = MappingProxyType({role.value: role for role in Role if role is not Role.TOOL})
KINDS: Mapping[str, CallKind] = MappingProxyType(
    {
        "function_call": CallKind.FUNCTION,
        "custom_tool_call": CallKind.CUSTOM,
        "tool_search_call": CallKind.SEARCH,
        "function_call_output": CallKind.FUNCTION,
        "custom_tool_call_output": CallKind.CUSTOM,
        "tool_search_output": CallKind.SEARCH,
    }
)
TRIGGER = "This model's provider compacts nothing while it responds; use POST /v1/responses/compact."


class Item:
    """One item while it is read: `rest` is what has not been taken out of it."""

    __slots__ = ("answer", "kind", "needs", "place", "rest", "spelled", "value")

    def __init__(self, value: Json, kind: str, place: Place, *, answer: bool) -> None:
        self.value = value
        self.kind = kind
        self.place = place
        self.answer = answer
        self.rest = {name: said for name, said in value.items() if name != "type"}
        self.spelled: Json = {} if "type" in value else {"untyped": True}
        self.needs: list[Need] = []

    def need(self, message: str, code: str = "invalid_value", *more: str | int) -> None:
        self.needs.append(Need(message, (*self.place, *more), code))

    def turn(self, role: Role, blocks: tuple[Block, ...], **more: Any) -> Turn:
        known, status = taken(self.rest, "id", str), taken(self.rest, "status", str)
        lost = tuple(name for name in left(self.rest, silent=SILENT) if self.rest[name] != DIRECT)
        extra = own.extra_of(self.rest, lost, self.needs, self.spelled)
        return Turn(role=role, blocks=blocks, called=self.kind, id=known, status=status, place=self.place, extra=extra, **more)

    def odd(self, name: str) -> None:
        """In an answer, a text that is none is the upstream's fault. Raises `InvalidResponse`."""
        if self.answer:
            raise InvalidResponse(f"the {name} of an item of type {self.kind!r} cannot be read")

    def opaque(self, need: Need | None, role: Role = Role.ASSISTANT) -> Turn:
        """The item as a block that no other wire can have."""
        block = Opaque(WIRE, self.value, need, called=self.kind, place=self.place)
        return Turn(role=role, blocks=(block,), called=self.kind, place=self.place)


def turn_of(value: Json, place: Place, *, answer: bool = False) -> Turn:
    """The turn of an item."""
    kind = value.get("type") or _kind_of(value)
    item = Item(value, kind if isinstance(kind, str) else str(kind), place, answer=answer)
    read = READ.get(kind) if isinstance(kind, str) else None
    if read is not None:
        return read(item)
    if answer and kind == "image_generation_call" and value.get("result") and type(value["result"]) is str:
        return _picture(item)
    if answer or item.kind in HISTORY_ONLY:
        return item.opaque(None)
    return item.opaque(Need(f"This model's provider cannot take an item of type {kind!r}.", place))


def _kind_of(value: Json) -> str | None:
    """What an item without a type is."""
    if "role" in value:
        return "message"
    return "item_reference" if "id" in value and value.keys() <= {"id", "type"} else None


def _message(item: Item) -> Turn:
    role = ROLES.get(item.rest.get("role")) if isinstance(item.rest.get("role"), str) else None
    if role is None and item.answer and "role" not in item.rest:
        item.spelled["no role"] = True
        role = Role.ASSISTANT
    if role is None:
        said = item.value.get("role")
        message = f"The role {said!r} is none of user, assistant, system and developer."
        return item.opaque(Need(message, (*item.place, "role")))
    item.rest.pop("role", None)
    blocks = _content(item, "content")
    return item.opaque(_bad_content(item)) if blocks is None else item.turn(role, blocks)


def _content(item: Item, name: str) -> tuple[Block, ...] | None:
    """The blocks of a content, which is taken out of the rest; none if it is null, None if it cannot be read."""
    content = item.rest.get(name)
    if content is None:
        return ()
    if type(content) is str:
        del item.rest[name]
        return (Text(content, called=WHOLE_TEXT, place=(*item.place, name)),)
    if type(content) is list:
        del item.rest[name]
        item.spelled["parts"] = True
        return blocks_of(content, (*item.place, name), answer=item.answer)
    item.odd(name)
    return None


def _bad_content(item: Item) -> Need:
    return Need("The content must be a text or a list of parts.", (*item.place, "content"))


def _agent(item: Item) -> Turn:
    """What one agent of the client tells another: Codex."""
    blocks = _content(item, "content")
    if blocks is None:
        return item.opaque(_bad_content(item))
    author, recipient = taken(item.rest, "author", str), taken(item.rest, "recipient", str)
    return item.turn(Role.USER, blocks, name=author, recipient=recipient)


def _call(item: Item) -> Turn:
    kind = KINDS[item.kind]
    text_of = "input" if kind is CallKind.CUSTOM else "arguments"
    name, call_id = item.rest.get("name"), item.rest.get("call_id")
    text = item.rest.get(text_of)
    if item.answer:
        call_id, text = _as_told(item, call_id, text)
        if name and type(name) is not str:
            item.odd("name")
    if not (name and type(name) is str and ((call_id and type(call_id) is str) or (item.answer and call_id is None))):
        return item.opaque(Need("A call needs 'name' and 'call_id'.", item.place, "missing_required_parameter"))
    if not isinstance(text, str | None):
        return item.opaque(Need("A field of the item has not the type that it must have.", item.place, "invalid_type"))
    for said in ("name", "call_id", text_of):
        if item.rest.get(said) is not None:
            del item.rest[said]
    namespace = taken(item.rest, "namespace", str)
    block = ToolCall(name, text or "", call_id, kind, namespace, called=item.kind, place=item.place)
    return item.turn(Role.ASSISTANT, (block,))


def _as_told(item: Item, call_id: Any, text: Any) -> tuple[Any, Any]:
    """A call of an answer: some upstreams name it by the item's id only, and a few send its arguments as an object."""
    if not call_id:
        known = item.rest.get("id")
        call_id = known if isinstance(known, str) and known else None
        item.spelled["no call_id"] = True
    if text is not None and not isinstance(text, str):
        item.spelled["raw"] = text
        text = msgspec.json.encode(text).decode() if text else ""
    return call_id, text


def _picture(item: Item) -> Turn:
    """A picture of an answer."""
    result, kind = item.rest.pop("result"), item.rest.get("output_format")
    media_type = f"image/{kind if isinstance(kind, str) else 'png'}"
    block = Image(Source(SourceKind.BASE64, result, media_type), called=item.kind, place=item.place)
    return item.turn(Role.ASSISTANT, (block,))


def _search(item: Item) -> Turn:
    """A search for tools that the client has done is a call; one that its upstream has done brought only the tools."""
    call_id, arguments = item.rest.get("call_id"), item.rest.get("arguments")
    if item.rest.get("execution") != "client" or not call_id or type(call_id) is not str:
        return item.opaque(None)
    del item.rest["call_id"]
    if arguments is not None:
        del item.rest["arguments"]
    if type(arguments) is str:
        item.spelled["text"] = True
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode()
    block = ToolCall("tool_search", text, call_id, CallKind.SEARCH, called=item.kind, place=item.place)
    return item.turn(Role.ASSISTANT, (block,))


def _output(item: Item) -> Turn:
    content = _content(item, "output")
    if content is None:
        return item.opaque(Need("The content must be a text or a list of parts.", (*item.place, "content")))
    call_id = taken(item.rest, "call_id", str)
    if call_id is None:
        item.need(f"No tool call found for the output of {item.rest.get('call_id')!r}.")
    block = ToolResult(content, call_id, KINDS[item.kind], called=item.kind, place=item.place)
    return item.turn(Role.TOOL, (block,))


def _found(item: Item) -> Turn:
    """The tools that a search found, which join those of the request; if the client has searched, they are its result."""
    change = _change(item)
    if change is None:
        return item.opaque(_bad_tools(item))
    call_id = taken(item.rest, "call_id", str) if item.rest.get("execution") == "client" and item.rest.get("call_id") else None
    if call_id is None:
        return item.turn(Role.TOOL, (change,))
    told = (Text(_named(item.value.get("tools") or ()), called="tools", place=change.place),)
    return item.turn(Role.TOOL, (ToolResult(told, call_id, CallKind.SEARCH, called=item.kind, place=item.place), change))


def _named(tools: Sequence[Json]) -> str:
    """What a model is told that has searched for tools: which there are."""
    told = [{name: tool[name] for name in ("type", "name", "description") if tool.get(name)} for tool in tools]
    return msgspec.json.encode(told).decode()


def _more_tools(item: Item) -> Turn:
    change = _change(item)
    role = ROLES.get(item.rest.get("role")) if isinstance(item.rest.get("role"), str) else None
    if change is None:
        return item.opaque(_bad_tools(item))
    if role is not None:
        del item.rest["role"]
        item.spelled["role"] = True
    return item.turn(role or Role.SYSTEM, (change,))


def _change(item: Item) -> ToolsChange | None:
    tools = item.rest.get("tools")
    if tools is not None and not (type(tools) is list and all(isinstance(tool, dict) for tool in tools)):
        return None
    if tools is not None:
        del item.rest["tools"]
    place = (*item.place, "tools")
    return ToolsChange(tools_of(tools or (), place), called=item.kind, place=place)


def _bad_tools(item: Item) -> Need:
    return Need("The tools must be a list of objects.", (*item.place, "tools"), "invalid_type")


def _configured(item: Item) -> Turn:
    reasoning, text = item.rest.get("reasoning"), item.rest.get("text")
    if not (isinstance(reasoning, dict | None) and isinstance(text, dict | None)):
        return item.opaque(Need("A field of the item has not the type that it must have.", item.place, "invalid_type"))
    thinking = None if reasoning is None else thinking_of(item.rest.pop("reasoning"))
    output = None if text is None else output_of(item.rest.pop("text"), (*item.place, "text"))
    block = SettingsChange(thinking, output, called=item.kind, place=item.place)
    return item.turn(Role.DEVELOPER, (block,))


def _reasoning(item: Item) -> Turn:
    blocks: list[Block] = []
    for name in ("summary", "content"):
        parts = item.rest.get(name)
        if not isinstance(parts, list | None):
            item.need("A field of the item has not the type that it must have.", "invalid_type")
        if type(parts) is not list or not all(map(_is_thought, parts)):
            if parts is not None:
                item.odd(name)
            continue
        del item.rest[name]
        item.spelled[name] = True
        for number, part in enumerate(parts):
            blocks.append(_thought(part, name, (*item.place, name, number)))
    sealed = taken(item.rest, "encrypted_content", str) if item.rest.get("encrypted_content") else None
    if sealed is not None:
        place = (*item.place, "encrypted_content")
        blocks.append(Reasoning(sealed=signature_in(sealed, WIRE), called="encrypted_content", place=place))
    if (item.spelled.get("summary") is None and "summary" in item.rest) or "content" in item.rest:
        item.spelled["odd"] = True
    return item.turn(Role.ASSISTANT, tuple(blocks))


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and type(part.get("text")) is str and type(part.get("type")) is str


def _thought(part: Json, name: str, place: Place) -> Reasoning:
    rest = {key: said for key, said in part.items() if key not in ("type", "text")}
    extra = own.extra_of(rest, left(rest))
    return Reasoning(part["text"], summary=name == "summary", called=part["type"], place=place, extra=extra)


def _compaction(item: Item) -> Turn:
    sealed = taken(item.rest, "encrypted_content", str)
    signature = None if sealed is None else signature_in(sealed, WIRE)
    return item.turn(Role.ASSISTANT, (Compaction(None, signature, called=item.kind, place=item.place),))


def _trigger(item: Item) -> Turn:
    return item.opaque(Need(TRIGGER, item.place, "unsupported_parameter"), Role.USER)


def _reference(item: Item) -> Turn:
    return item.opaque(Need(f"There is no item {item.value.get('id')!r}.", item.place, "item_not_found"))


READ: Mapping[str, Callable[[Item], Turn]] = MappingProxyType(
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
        "compaction": _compaction,
        "context_compaction": _compaction,
        "compaction_trigger": _trigger,
        "item_reference": _reference,
    }
)
"""The types of items that another wire has a word for, or that must not be left out; any other is opaque."""
