"""How do tools become functions in a wire that has nothing else, and what do calls of these mean?

A custom tool becomes a function whose one argument is its input; tools in a namespace get its name in front of theirs; a search
for tools that the client does itself becomes a function. What only an upstream of its own wire can run is none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

import msgspec

from providers.canonical.blocks import ToolCall
from providers.canonical.extra import Json, Value
from providers.canonical.tools import (
    CacheMark,
    CallKind,
    CustomTool,
    FunctionTool,
    NamespaceTool,
    SearchTool,
    SentTools,
    Tool,
    ToolRef,
)

SEPARATOR = "__"
"""Between a namespace and the name of its tool."""
MOST_NAME = 64
"""Characters of a function's name, in the wires that allow the fewest."""
SEARCH = "tool_search"
"""What a search for tools is called upstream."""
INPUT: Json = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
BEGUN_INPUT = re.compile(r'\s*\{\s*"input"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
"""A custom tool's input that was cut off, or is not written as JSON has it."""
HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")
ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')


class Sent(Value, frozen=True, gc=False):
    """A function that stands for a tool. `ref` is the tool as its client knows it, None if that is the same."""

    name: str
    description: str
    parameters: Json
    strict: bool | None = None
    cache: CacheMark | None = None
    ref: ToolRef | None = None


def full_name(namespace: str | None, name: str) -> str:
    """What a tool is called upstream; a name that is too long is cut, and told apart by a hash."""
    if not namespace:
        return name
    full = f"{namespace}{SEPARATOR}{name}"
    return full if len(full) <= MOST_NAME else f"{full[: MOST_NAME - 9]}_{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def sent_name(call: ToolCall) -> str:
    """What the tool of a call is called upstream."""
    return SEARCH if call.kind is CallKind.SEARCH else full_name(call.namespace, call.name)


def sent_arguments(call: ToolCall) -> str:
    """The arguments of a call as those of the function that stands for the tool; of a function they stay as they are."""
    return msgspec.json.encode({"input": call.arguments}).decode() if call.kind is CallKind.CUSTOM else call.arguments


def functions_of(tool: Tool, namespace: str | None = None) -> Iterator[Sent]:
    """The functions that stand for a tool; none for what its upstream alone can run."""
    if isinstance(tool, NamespaceTool):
        told = tool.description
        for inner in tool.tools:
            for sent in functions_of(inner, tool.name):
                if told:  # the first of them tells what the namespace is
                    sent = msgspec.structs.replace(sent, description=f"{tool.name}: {told}\n\n{sent.description}".rstrip())
                    told = None
                yield sent
    elif isinstance(tool, SearchTool):
        parameters = tool.parameters or NO_PARAMETERS
        yield Sent(SEARCH, tool.description or "", parameters, cache=tool.cache, ref=ToolRef(SEARCH, kind=CallKind.SEARCH))
    elif isinstance(tool, CustomTool):
        ref = ToolRef(tool.name, namespace, CallKind.CUSTOM)
        yield Sent(full_name(namespace, tool.name), _described(tool), INPUT, cache=tool.cache, ref=ref)
    elif isinstance(tool, FunctionTool):
        name, parameters = full_name(namespace, tool.name), tool.parameters or NO_PARAMETERS
        known = ToolRef(tool.name, namespace) if namespace else None
        yield Sent(name, tool.description or "", parameters, tool.strict, tool.cache, known)


def _described(tool: CustomTool) -> str:
    """A custom tool's description, with the grammar that its input must keep."""
    grammar = tool.grammar.definition if tool.grammar else ""
    texts = [tool.description or "", f"The input must match this grammar:\n{grammar}" if grammar else ""]
    return "\n\n".join(text for text in texts if text)


# What comes back


def as_sent(call: ToolCall, sent: SentTools) -> ToolCall | None:
    """The call as the client knows it; None for one of a tool that may not be called."""
    if not sent.may_call(call.name):
        return None
    ref = sent.refs.get(call.name)
    if ref is None:
        return call
    kind = CallKind(ref.kind)
    arguments = custom_input(call.arguments) if kind is CallKind.CUSTOM else call.arguments
    return msgspec.structs.replace(call, name=ref.name, namespace=ref.namespace, kind=kind, arguments=arguments)


def told_in_pieces(kind: CallKind) -> bool:
    """Whether arguments that come in pieces mean something before all have come: the input of a custom tool stands within."""
    return kind is CallKind.FUNCTION


def custom_input(arguments: str) -> str:
    """The input that stands in the arguments, perhaps cut off, or the arguments if the model did not keep the form."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        begun = BEGUN_INPUT.match(arguments)
        return _unescaped(begun[1]) if begun else arguments
    if not isinstance(value, dict) or "input" not in value:
        return arguments
    made = value["input"]
    return made if isinstance(made, str) else msgspec.json.encode(made).decode()


def _unescaped(text: str) -> str:
    """The text of a string; a backslash that begins no escape stands for itself, half an escape at the end is left out."""
    text = ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", HALF_ESCAPE.sub("", text))
    made: str = json.loads(f'"{text}"', strict=False)
    return made.encode("utf-8", "ignore").decode()
