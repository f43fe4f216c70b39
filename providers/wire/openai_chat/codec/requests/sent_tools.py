"""How do the tools of another wire become functions, which all who speak chat have, and how are calls of them told apart?

A custom tool becomes a function whose one argument is its input; tools in a namespace get its name in front of theirs; a search
for tools that the client does itself becomes a function. What only an upstream of its own wire can run is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from providers.canonical.blocks import ToolsChange
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import (
    CallKind,
    ChoiceMode,
    CustomTool,
    FunctionTool,
    NamespaceTool,
    SearchTool,
    SentTools,
    Tool,
    ToolChoice,
    ToolRef,
)
from providers.errors import Unsupported

SEPARATOR = "__"
"""Between a namespace and the name of its tool."""
MOST_NAME = 64
"""Characters of a function's name."""
SEARCH = "tool_search"
"""What a search for tools is called upstream."""
INPUT: Json = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
CALLABLE = frozenset({CallKind.FUNCTION.value, CallKind.CUSTOM.value})


def full_name(namespace: str | None, name: str) -> str:
    """What a tool is called upstream; a name that is too long for chat is cut, and told apart by a hash."""
    if not namespace:
        return name
    full = f"{namespace}{SEPARATOR}{name}"
    return full if len(full) <= MOST_NAME else f"{full[: MOST_NAME - 9]}_{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def tools_sent(request: Request, changes: Sequence[ToolsChange], losses: Losses) -> tuple[Json, SentTools]:
    """Chat's `tools`, `tool_choice` and `parallel_tool_calls`, and what calls of them mean. Raises 400 `Unsupported`."""
    made = _Made()
    for tool in request.tools or ():
        made.add(tool)
    for change in changes:  # a tool that comes again counts as it came last
        for tool in change.added:
            made.add(tool, again=True)
        for name in change.removed:
            made.tools.pop(name, None)
    choice = request.choice or ToolChoice()
    allowed = None if choice.allowed is None else made.allowed(choice)
    tools = [tool for name, tool in made.tools.items() if allowed is None or name in allowed]
    if not tools:
        if choice.forced is not None or choice.allowed is not None or choice.mode not in (ChoiceMode.AUTO, ChoiceMode.NONE):
            losses.field(request, "choice")
        return {}, SentTools(made.refs, allowed)
    fields: Json = {"tools": tools}
    if request.parallel_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_calls
    if request.choice is not None:
        fields |= _choice(request, request.choice, losses)
    return fields, SentTools(made.refs, allowed)


def _choice(request: Request, choice: ToolChoice, losses: Losses) -> Json:
    if choice.forced is not None:
        if choice.forced.kind not in CALLABLE:
            losses.field(request, "choice")
            return {}
        name = full_name(choice.forced.namespace, choice.forced.name)
        return {"tool_choice": {"type": "function", "function": {"name": name}}}
    if choice.mode is ChoiceMode.VALIDATED:
        losses.field(request, "choice")
    return {"tool_choice": "auto" if choice.mode is ChoiceMode.VALIDATED else choice.mode.value}


class _Made:
    """The functions, by their names upstream, and what their calls mean where that is another thing."""

    def __init__(self) -> None:
        self.tools: dict[str, Json] = {}
        self.refs: dict[str, ToolRef] = {}
        self._names: set[str] = set()

    def add(self, tool: Tool, *, again: bool = False) -> None:
        for name, made, ref in _functions(tool, None):
            if name in self._names and not again:
                place = exact((*tool.place, "name"))
                message = f"This model's provider would know two tools as {name!r}."
                raise Unsupported(400, message, code="invalid_value", param=place)
            self._names.add(name)
            self.tools[name] = made
            self.refs.pop(name, None)
            if ref is not None:
                self.refs[name] = ref

    def allowed(self, choice: ToolChoice) -> frozenset[str]:
        """The names of those that may be called; a namespace stands for all that are in it."""
        names = {full_name(ref.namespace, ref.name) for ref in choice.allowed or ()}
        inside = {name: ref.namespace for name, ref in self.refs.items() if ref.namespace}
        unknown = names - self._names - set(inside.values())
        if unknown:
            place = exact((*choice.place, "tools"))
            raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
        return frozenset(names | {name for name, namespace in inside.items() if namespace in names})


def _functions(tool: Tool, namespace: str | None) -> Iterator[tuple[str, Json, ToolRef | None]]:
    """The functions of a tool with their names upstream, none when chat cannot have it."""
    if isinstance(tool, NamespaceTool):
        told = tool.description
        for inner in tool.tools:
            for name, made, ref in _functions(inner, tool.name):
                if told:  # the first of them tells what the namespace is
                    made["function"]["description"] = f"{tool.name}: {told}\n\n{made['function']['description']}".rstrip()
                    told = None
                yield name, made, ref
    elif isinstance(tool, SearchTool):
        ref = ToolRef(SEARCH, kind=CallKind.SEARCH)
        yield SEARCH, _function(SEARCH, tool.description, tool.parameters), ref
    elif isinstance(tool, CustomTool):
        name = full_name(namespace, tool.name)
        yield name, _function(name, _described(tool), INPUT), ToolRef(tool.name, namespace, CallKind.CUSTOM)
    elif isinstance(tool, FunctionTool):
        name = full_name(namespace, tool.name)
        made = _function(name, tool.description, tool.parameters)
        made["function"]["strict"] = bool(tool.strict)
        yield name, made, ToolRef(tool.name, namespace) if namespace else None


def _function(name: str, description: str | None, parameters: Json | None) -> Json:
    said = {"name": name, "description": description or "", "parameters": parameters or NO_PARAMETERS}
    return {"type": "function", "function": said}


def _described(tool: CustomTool) -> str:
    """A custom tool's description, with the grammar that its input must keep."""
    grammar = tool.grammar.definition if tool.grammar else ""
    texts = [tool.description or "", f"The input must match this grammar:\n{grammar}" if grammar else ""]
    return "\n\n".join(text for text in texts if text)
