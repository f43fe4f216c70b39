"""How do the tools of another wire become functions, which are all that Ollama has, and what do calls of them mean?

A custom tool becomes a function whose one argument is its input; tools in a namespace get its name in front of theirs; a search
for tools that the client does itself becomes a function. What only an upstream of its own wire can run is left out. Ollama has
no choice of tools: those that may not be called are not sent.
"""

from __future__ import annotations

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
SEARCH = "tool_search"
"""What a search for tools is called upstream."""
INPUT: Json = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def full_name(namespace: str | None, name: str) -> str:
    """What a tool is called upstream."""
    return f"{namespace}{SEPARATOR}{name}" if namespace else name


def tools_sent(request: Request, changes: Sequence[ToolsChange], losses: Losses) -> tuple[Json, SentTools]:
    """The field `tools`, and what calls of them mean. Raises 400 `Unsupported`."""
    tools: dict[str, Json] = {}
    refs: dict[str, ToolRef] = {}
    for tool in (*(request.tools or ()), *(tool for change in changes for tool in change.added)):
        for name, made, ref in _functions(tool, None, losses):
            tools[name] = made
            refs.pop(name, None)
            if ref is not None:
                refs[name] = ref
    for change in changes:
        for name in change.removed:
            tools.pop(name, None)
    allowed = _allowed(request, tools, refs, losses)
    sent = [tool for name, tool in tools.items() if allowed is None or name in allowed]
    return ({"tools": sent} if sent else {}), SentTools(refs, allowed)


def _allowed(request: Request, tools: Json, refs: dict[str, ToolRef], losses: Losses) -> frozenset[str] | None:
    """The names of those that may be called, None for all; that one must be called is named, for Ollama cannot be told."""
    choice = request.choice or ToolChoice()
    if choice.mode is ChoiceMode.NONE:
        return frozenset()
    if choice.mode is not ChoiceMode.AUTO:
        losses.field(request, "choice")
    if choice.forced is not None:
        name = full_name(choice.forced.namespace, choice.forced.name)
        return frozenset({name}) if name in tools else None
    if choice.allowed is None:
        return None
    names = {full_name(ref.namespace, ref.name) for ref in choice.allowed}
    inside = {name: ref.namespace for name, ref in refs.items() if ref.namespace}
    unknown = names - tools.keys() - set(inside.values())
    if unknown:
        place = exact((*choice.place, "tools"))
        raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
    return frozenset(names | {name for name, namespace in inside.items() if namespace in names})


def _functions(tool: Tool, namespace: str | None, losses: Losses) -> Iterator[tuple[str, Json, ToolRef | None]]:
    """The functions of a tool with their names upstream, none where Ollama cannot have it."""
    if isinstance(tool, NamespaceTool):
        told = tool.description
        for inner in tool.tools:
            for name, made, ref in _functions(inner, tool.name, losses):
                if told:  # the first of them tells what the namespace is
                    made["function"]["description"] = f"{tool.name}: {told}\n\n{made['function']['description']}".rstrip()
                    told = None
                yield name, made, ref
    elif isinstance(tool, SearchTool):
        yield SEARCH, _function(SEARCH, tool.description, tool.parameters), ToolRef(SEARCH, kind=CallKind.SEARCH)
    elif isinstance(tool, CustomTool):
        name = full_name(namespace, tool.name)
        yield name, _function(name, _described(tool), INPUT), ToolRef(tool.name, namespace, CallKind.CUSTOM)
    elif isinstance(tool, FunctionTool):
        if tool.strict:  # nobody sees to it here
            losses.field(tool, "strict")
        name = full_name(namespace, tool.name)
        made = _function(name, tool.description, tool.parameters)
        yield name, made, ToolRef(tool.name, namespace) if namespace else None


def _function(name: str, description: str | None, parameters: Json | None) -> Json:
    said = {"name": name, "description": description or "", "parameters": parameters or NO_PARAMETERS}
    return {"type": "function", "function": said}


def _described(tool: CustomTool) -> str:
    """A custom tool's description, with the grammar that its input must keep."""
    grammar = tool.grammar.definition if tool.grammar else ""
    texts = [tool.description or "", f"The input must match this grammar:\n{grammar}" if grammar else ""]
    return "\n\n".join(text for text in texts if text)
