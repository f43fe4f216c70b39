"""How do the tools of a Responses request become chat's, and how are the calls told apart when they come back?

Chat has functions only. A custom tool becomes a function whose one argument is its input; tools in a namespace get its
name in front of theirs; tools that an upstream itself would have to run are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.errors import Unsupported

Json = dict[str, Any]
SEPARATOR = "__"
"""Between a namespace and the name of its tool, where there are no namespaces."""
CALLABLE = ("function", "custom")
CUSTOM_PARAMETERS: Json = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


@dataclass(slots=True)
class Tools:
    """What the model may call, and what each is called in the Responses request."""

    custom: set[str] = field(default_factory=set)
    namespaces: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name upstream → namespace and name."""
    names: set[str] = field(default_factory=set)
    """All of them, as they are called upstream."""
    allowed: set[str] | None = None
    """Names that may be called; None for all."""

    def may_call(self, name: str) -> bool:
        return self.allowed is None or name in self.allowed


def refused(message: str, param: str | None, code: str = "invalid_value") -> Unsupported:
    """The request cannot be converted."""
    return Unsupported(400, message, code=code, param=param)


def tool_fields(request: Json, tools: Tools, lossy: list[str]) -> Json:
    """Chat's `tools` and `tool_choice`; notes in `tools` what they are called, and in `lossy` what was left out."""
    made = _made(request.get("tools") or (), tools, lossy)
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools.allowed = _allowed(choice.get("tools") or (), tools)
        made = [tool for tool in made if tool["function"]["name"] in tools.allowed]
        choice = choice.get("mode") or "auto"
        if choice not in ("auto", "required"):
            raise refused("The mode is neither 'auto' nor 'required'.", "tool_choice.mode")
    if not made:
        return {}
    fields: Json = {"tools": made}
    if request.get("parallel_tool_calls") is not None:
        fields["parallel_tool_calls"] = request["parallel_tool_calls"]
    if isinstance(choice, dict):
        if choice.get("type") in CALLABLE and choice.get("name"):
            fields["tool_choice"] = {"type": "function", "function": {"name": _full_name(choice)}}
        else:
            lossy.append("tool_choice")
    elif choice is not None:
        fields["tool_choice"] = choice
    return fields


def _made(given: Sequence[Json], tools: Tools, lossy: list[str]) -> list[Json]:
    made: list[Json] = []
    for place, tool in enumerate(given):
        if tool.get("type") in CALLABLE and not isinstance(tool.get("name"), str):
            raise refused("A tool must have a name.", f"tools[{place}].name", "missing_required_parameter")
        converted = list(_converted(tool, tools, ""))
        if not converted:
            lossy.append(f"tools[{place}] ({tool.get('type')})")
        for one in converted:
            name = one["function"]["name"]
            if name in tools.names:
                raise refused(f"This model's provider would know two tools as {name!r}.", f"tools[{place}].name")
            tools.names.add(name)
        made += converted
    return made


def _allowed(chosen: Sequence[Any], tools: Tools) -> set[str]:
    """The names of the chosen tools; a namespace stands for all that are in it."""
    names = {named for tool in chosen if (named := _full_name(tool))}
    known = {*tools.names, *(namespace for namespace, _ in tools.namespaces.values())}
    if names - known:
        raise refused(f"There is no tool {min(names - known)!r}.", "tool_choice.tools")
    return names | {full for full, (namespace, _) in tools.namespaces.items() if namespace in names}


def _full_name(tool: Any) -> str | None:
    name = tool.get("name") if isinstance(tool, dict) else None
    return f"{tool['namespace']}{SEPARATOR}{name}" if name and tool.get("namespace") else name


def _converted(tool: Json, tools: Tools, namespace: str) -> Sequence[Json]:
    """The chat tools of one tool, none when the upstream cannot have it."""
    kind, name = tool.get("type"), tool.get("name")
    if kind == "namespace" and name:
        return [made for inner in tool.get("tools") or () for made in _converted(inner, tools, name)]
    if kind not in CALLABLE or not name:
        return ()
    full = f"{namespace}{SEPARATOR}{name}" if namespace else name
    if namespace:
        tools.namespaces[full] = (namespace, name)
    function: Json = {"name": full, "description": tool.get("description") or ""}
    if kind == "custom":
        tools.custom.add(full)
        function |= {"description": _described(tool), "parameters": CUSTOM_PARAMETERS}
    else:
        function |= {"parameters": tool.get("parameters") or {"type": "object", "properties": {}}}
        function["strict"] = bool(tool.get("strict"))
    return ({"type": "function", "function": function},)


def _described(tool: Json) -> str:
    """A custom tool's description, with the grammar that its input must keep."""
    form = tool.get("format") or {}
    grammar = form.get("definition") or (form.get("grammar") or {}).get("definition")
    texts = [tool.get("description") or "", f"The input must match this grammar:\n{grammar}" if grammar else ""]
    return "\n\n".join(text for text in texts if text)
