"""How do the tools of a Responses request become chat's, and how are the calls told apart when they come back?

Chat has functions only. A custom tool becomes a function whose one argument is its input; tools in a namespace get its
name in front of theirs; a search for tools that the client does itself becomes a function; tools that an upstream itself
would have to run are left out. Items of the input bring tools too: OpenAI OpenAPI document of November 2026,
`additional_tools` and `tool_search_output`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from providers.errors import Unsupported

Json = dict[str, Any]
SEPARATOR = "__"
"""Between a namespace and the name of its tool, where there are no namespaces."""
MOST_NAME = 64
"""Characters of a function's name in chat."""
CALLABLE = ("function", "custom")
SEARCH = "tool_search"
"""What a search for tools is called upstream."""
CUSTOM_PARAMETERS: Json = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
CARRIED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "function": frozenset({"type", "name", "description", "parameters", "strict", "defer_loading"}),
        "custom": frozenset({"type", "name", "description", "format", "defer_loading"}),
        "namespace": frozenset({"type", "name", "description", "tools"}),
        SEARCH: frozenset({"type", "execution", "description", "parameters"}),
    }
)
"""The tools that chat can have, each with the fields that are carried. All are sent, also those that were to be found."""
SAYING_NOTHING: Mapping[str, Any] = MappingProxyType({"async": False, "allowed_callers": ["direct"]})


@dataclass(slots=True)
class Tools:
    """What the model may call, and what each is called in the Responses request."""

    custom: set[str] = field(default_factory=set)
    searches: set[str] = field(default_factory=set)
    """Names of searches for tools."""
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


def full_name(namespace: Any, name: Any) -> Any:
    """What a tool is called upstream; a name that is too long for chat is cut, and told apart by a hash."""
    if not namespace or not name:
        return name
    full = f"{namespace}{SEPARATOR}{name}"
    return full if len(full) <= MOST_NAME else f"{full[: MOST_NAME - 9]}_{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def tool_fields(request: Json, tools: Tools, lossy: list[str], found: Sequence[tuple[str, Any]] = ()) -> Json:
    """Chat's `tools` and `tool_choice`; notes in `tools` what they are called, and in `lossy` what was left out. `found` are
    the places of further tools, and these."""
    made = dict(_made("tools", request.get("tools") or (), tools, lossy))
    for place, given in found:
        made |= _made(place, given, tools, lossy, again=True)
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools.allowed = _allowed(choice.get("tools") or (), tools)
        made = {name: tool for name, tool in made.items() if name in tools.allowed}
        choice = choice.get("mode") or "auto"
        if choice not in ("auto", "required"):
            raise refused("The mode is neither 'auto' nor 'required'.", "tool_choice.mode")
    if not made:
        lossy += ["tool_choice"] if choice not in (None, "auto", "none") else []
        return {}
    fields: Json = {"tools": list(made.values())}
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


def _made(where: str, given: Any, tools: Tools, lossy: list[str], *, again: bool = False) -> Iterator[tuple[str, Json]]:
    """The chat tools with their names. A tool of the conversation may come `again`, and counts as it came last."""
    if not isinstance(given, list | tuple) or not all(isinstance(tool, dict) for tool in given):
        raise refused("The tools must be a list of objects.", where, "invalid_type")
    for place, tool in enumerate(given):
        if tool.get("type") in CALLABLE and not isinstance(tool.get("name"), str):
            raise refused("A tool must have a name.", f"{where}[{place}].name", "missing_required_parameter")
        converted = list(_converted(tool, tools, ""))
        if not converted:
            lossy.append(f"{where}[{place}] ({tool.get('type')})")
        else:
            lossy += _left_out(tool, where)
        for one in converted:
            name = one["function"]["name"]
            if name in tools.names and not again:
                raise refused(f"This model's provider would know two tools as {name!r}.", f"{where}[{place}].name")
            tools.names.add(name)
            yield name, one


def _left_out(tool: Json, where: str) -> Iterator[str]:
    known = CARRIED[tool["type"]]
    for name, value in tool.items():
        if value is not None and name not in known and SAYING_NOTHING.get(name) != value:
            yield f"{where}[].{name}"
    if tool["type"] == "namespace":
        for inner in tool.get("tools") or ():
            known_kind = inner.get("type") in CARRIED
            yield from _left_out(inner, f"{where}[].tools") if known_kind else (f"{where}[].tools[] ({inner.get('type')})",)


def _allowed(chosen: Sequence[Any], tools: Tools) -> set[str]:
    """The names of the chosen tools; a namespace stands for all that are in it."""
    names = {named for tool in chosen if (named := _full_name(tool))}
    known = {*tools.names, *(namespace for namespace, _ in tools.namespaces.values())}
    if names - known:
        raise refused(f"There is no tool {min(names - known)!r}.", "tool_choice.tools")
    return names | {full for full, (namespace, _) in tools.namespaces.items() if namespace in names}


def _full_name(tool: Any) -> Any:
    return full_name(tool.get("namespace"), tool.get("name")) if isinstance(tool, dict) else None


def _converted(tool: Json, tools: Tools, namespace: str) -> Iterator[Json]:
    """The chat tools of one tool, none when the upstream cannot have it."""
    kind, name = tool.get("type"), tool.get("name")
    if kind == "namespace" and name:
        told = tool.get("description")
        for inner in tool.get("tools") or ():
            for made in _converted(inner, tools, name):
                if told:  # the first of them tells what the namespace is
                    made["function"]["description"] = f"{name}: {told}\n\n{made['function']['description']}".rstrip()
                    told = None
                yield made
    elif kind == SEARCH and tool.get("execution") == "client":
        tools.searches.add(SEARCH)
        yield _function(SEARCH, tool.get("description") or "", tool.get("parameters") or NO_PARAMETERS)
    elif kind in CALLABLE and name:
        full = full_name(namespace, name)
        if namespace:
            tools.namespaces[full] = (namespace, name)
        if kind == "custom":
            tools.custom.add(full)
            yield _function(full, _described(tool), CUSTOM_PARAMETERS)
        else:
            tools.custom.discard(full)
            made = _function(full, tool.get("description") or "", tool.get("parameters") or NO_PARAMETERS)
            made["function"]["strict"] = bool(tool.get("strict"))
            yield made


def _function(name: str, description: str, parameters: Any) -> Json:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _described(tool: Json) -> str:
    """A custom tool's description, with the grammar that its input must keep."""
    form = tool.get("format") or {}
    grammar = form.get("definition") or (form.get("grammar") or {}).get("definition")
    texts = [tool.get("description") or "", f"The input must match this grammar:\n{grammar}" if grammar else ""]
    return "\n\n".join(text for text in texts if text)
