"""How are the tools of a chat request and the choice among them read, and written again as they were?

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`: `tools` (`function`, `custom`), `web_search_options`,
`tool_choice`. Chat nests what a tool is under its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeGuard

import msgspec

from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import NOTHING, left, taken
from providers.canonical.tools import (
    CallKind,
    ChoiceMode,
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    Location,
    OpaqueTool,
    Tool,
    ToolChoice,
    ToolRef,
)
from providers.wire.openai_chat.codec.content import mark_in, marked
from providers.wire.openai_chat.codec.leftovers import extra_of, rest_of, spelled
from providers.wire.openai_chat.codec.words import WIRE

SEARCH = "web_search_options"
KINDS = (CallKind.FUNCTION.value, CallKind.CUSTOM.value)
MODES = {mode.value: mode for mode in (ChoiceMode.AUTO, ChoiceMode.NONE, ChoiceMode.REQUIRED)}
PLACES = ("city", "country", "region", "timezone")
MISSING = "missing_required_parameter"
CHOICE: Place = ("tool_choice",)


# From chat


def tool_of(tool: Any, place: Place) -> Tool:
    """The tool. Chat's own that has no name must not be left out; of what others call a tool, nothing is known."""
    if not isinstance(tool, dict):
        return _opaque({"value": tool}, "", place, Need("A tool must be an object.", place), bare=True)
    kind = tool.get("type")
    read = READ.get(kind) if isinstance(kind, str) else None
    if read is None:
        return _opaque(tool, str(kind), place)
    inner = tool.get(str(kind))
    if not _is_named(inner):
        return _opaque(tool, str(kind), place, _nameless(str(kind), place))
    rest = {name: value for name, value in tool.items() if name not in ("type", kind)}
    cache = mark_in(rest, place)
    made = read(rest, dict(inner), place)
    return made if cache is None else msgspec.structs.replace(made, cache=cache)


def _opaque(value: Json, called: str, place: Place, need: Need | None = None, *, bare: bool = False) -> OpaqueTool:
    return OpaqueTool(WIRE, value, need=need, called=called, place=place, extra=extra_of({}, spelled={"bare": bare}))


def _is_named(inner: Any) -> TypeGuard[Json]:
    return isinstance(inner, dict) and type(inner.get("name")) is str and bool(inner["name"])


def _nameless(kind: str, place: Place) -> Need:
    return Need(f"A tool of type {kind} needs {kind!r} with a 'name'.", (*place, kind, "name"), MISSING)


def _function(rest: Json, inner: Json, place: Place) -> Tool:
    name, description = inner.pop("name"), taken(inner, "description", str)
    parameters, strict = taken(inner, "parameters", dict), taken(inner, "strict", bool)
    extra = _nested(rest, inner, "function.")
    return FunctionTool(name, description, parameters, strict=strict, called="function", place=place, extra=extra)


def _custom(rest: Json, inner: Json, place: Place) -> Tool:
    name, description = inner.pop("name"), taken(inner, "description", str)
    grammar = _grammar(inner)
    silent = ("format",) if inner.get("format") == {"type": "text"} else ()  # any text, as without a format
    return CustomTool(name, description, grammar, called="custom", place=place, extra=_nested(rest, inner, "custom.", silent))


def _nested(rest: Json, inner: Json, of: str, silent: tuple[str, ...] = ()) -> Any:
    if not rest and not inner:
        return None
    lost = (*left(rest), *left(inner, of=of, silent=silent))
    return extra_of(rest, lost, spelled={"inner": inner} if inner else NOTHING)


def _grammar(inner: Json) -> Grammar | None:
    form = inner.get("format")
    given = form.get("grammar") if isinstance(form, dict) and form.get("type") == "grammar" else None
    if not isinstance(given, dict):
        return None
    said, rest = dict(given), {name: value for name, value in inner["format"].items() if name not in ("type", "grammar")}
    syntax, definition = taken(said, "syntax", str), taken(said, "definition", str)
    if syntax is None or definition is None:
        return None
    del inner["format"]
    return Grammar(syntax, definition, extra=_nested(rest, said, "custom.format.grammar."))


def search_tool(options: Json) -> HostedTool:
    """The tool that searches as those models do that search always."""
    rest = dict(options)
    size = taken(rest, "search_context_size", str)
    location = _location(rest)
    return HostedTool(
        "web_search", context_size=size, location=location, called=SEARCH, place=(SEARCH,), extra=extra_of(rest, left(rest))
    )


def _location(rest: Json) -> Location | None:
    given = rest.get("user_location")
    near = given.get("approximate") if isinstance(given, dict) else None
    if not isinstance(near, dict):
        return None
    outer, inner = dict(rest.pop("user_location")), dict(near)
    del outer["approximate"]
    said = {name: taken(inner, name, str) for name in PLACES}
    lost = (*left(outer, of="user_location.", silent=("type",)), *left(inner, of="user_location.approximate."))
    extra = extra_of(outer, lost, spelled={"inner": inner} if inner else NOTHING)
    return Location(**said, extra=extra)


READ: Mapping[str, Callable[[Json, Json, Place], Tool]] = MappingProxyType({"function": _function, "custom": _custom})


def choice_of(choice: Any) -> ToolChoice | Need:
    """The choice, or why there is none: without it the model would be free."""
    if isinstance(choice, str):
        mode = MODES.get(choice)
        return _no_choice() if mode is None else ToolChoice(mode=mode, place=CHOICE)
    kind = choice.get("type") if isinstance(choice, dict) else None
    if isinstance(kind, str) and kind in KINDS:
        ref = _ref(choice, CHOICE)
        return ref if isinstance(ref, Need) else ToolChoice(mode=ChoiceMode.REQUIRED, forced=ref, place=CHOICE)
    allowed = choice.get("allowed_tools") if kind == "allowed_tools" else None
    return _allowed(choice, allowed) if isinstance(allowed, dict) else _no_choice()


def _no_choice() -> Need:
    return Need("The field 'tool_choice' is none of chat's choices.", CHOICE)


def _allowed(choice: Json, allowed: Json) -> ToolChoice | Need:
    tools = allowed.get("tools")
    if not isinstance(tools, list | None):
        return Need("The tools must be a list.", (*CHOICE, "allowed_tools", "tools"))
    refs = []
    for number, tool in enumerate(tools or ()):
        ref = _ref(tool, (*CHOICE, "allowed_tools", "tools", number))
        if isinstance(ref, Need):
            return ref
        refs.append(ref)
    inner = {name: said for name, said in allowed.items() if name != "tools" or said is None}
    mode = inner.get("mode")
    if mode in (ChoiceMode.AUTO.value, ChoiceMode.REQUIRED.value):
        del inner["mode"]
    elif mode is not None:
        return Need("The mode is neither 'auto' nor 'required'.", (*CHOICE, "allowed_tools", "mode"))
    rest = {name: said for name, said in choice.items() if name not in ("type", "allowed_tools")}
    lost = (*left(rest), *left(inner, of="allowed_tools."))
    untold = {"untold": True} if mode is None else NOTHING
    no_tools = {"no tools": True} if tools is None else NOTHING
    extra = extra_of(rest, lost, spelled={**({"inner": inner} if inner else NOTHING), **untold, **no_tools})
    return ToolChoice(mode=MODES[mode or "auto"], allowed=tuple(refs), place=CHOICE, extra=extra)


def _ref(tool: Any, place: Place) -> ToolRef | Need:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        return Need("Only functions and custom tools can be named.", place)
    if not _is_named(tool.get(kind)):
        return _nameless(kind, place)
    inner = {name: said for name, said in tool[kind].items() if name != "name"}
    rest = {name: said for name, said in tool.items() if name not in ("type", kind)}
    return ToolRef(tool[kind]["name"], kind=CallKind(kind), extra=_nested(rest, inner, f"{kind}."))


# To chat


def tool_json(tool: Tool) -> Any:
    """The tool, as it was."""
    if isinstance(tool, OpaqueTool):
        return tool.value["value"] if spelled(tool.extra, "bare") else tool.value
    inner = spelled(tool.extra, "inner") or NOTHING
    if isinstance(tool, FunctionTool):
        said = {"description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
        function = {**inner, "name": tool.name, **_told(said)}
        return {"type": "function", "function": function, **marked(tool.cache), **rest_of(tool.extra)}
    if isinstance(tool, CustomTool):
        said = {"description": tool.description, "format": _format(tool.grammar)}
        custom = {**inner, "name": tool.name, **_told(said)}
        return {"type": "custom", "custom": custom, **marked(tool.cache), **rest_of(tool.extra)}
    return None


def _told(said: Json) -> Json:
    return {name: value for name, value in said.items() if value is not None}


def _format(grammar: Grammar | None) -> Json | None:
    if grammar is None:
        return None
    inner = {**(spelled(grammar.extra, "inner") or NOTHING), "syntax": grammar.syntax, "definition": grammar.definition}
    return {"type": "grammar", "grammar": inner, **rest_of(grammar.extra)}


def search_json(tool: HostedTool) -> Json:
    """The options of searching, as they were."""
    made: Json = dict(rest_of(tool.extra))
    if tool.context_size is not None:
        made["search_context_size"] = tool.context_size
    if tool.location is not None:
        near = {name: getattr(tool.location, name) for name in PLACES}
        inner = {**(spelled(tool.location.extra, "inner") or NOTHING), **_told(near)}
        made["user_location"] = {**rest_of(tool.location.extra), "approximate": inner}
    return made


def choice_json(choice: ToolChoice) -> Any:
    """The choice, as it was."""
    if choice.allowed is not None:
        mode = {} if spelled(choice.extra, "untold") and choice.mode is ChoiceMode.AUTO else {"mode": choice.mode.value}
        tools = (
            {}
            if spelled(choice.extra, "no tools") and not choice.allowed
            else {"tools": [_ref_json(ref) for ref in choice.allowed]}
        )
        inner = {**mode, **tools, **(spelled(choice.extra, "inner") or NOTHING)}
        return {"type": "allowed_tools", "allowed_tools": inner, **rest_of(choice.extra)}
    return choice.mode.value if choice.forced is None else _ref_json(choice.forced)


def _ref_json(ref: ToolRef) -> Json:
    inner = {**(spelled(ref.extra, "inner") or NOTHING), "name": ref.name}
    return {"type": str(ref.kind), str(ref.kind): inner, **rest_of(ref.extra)}
