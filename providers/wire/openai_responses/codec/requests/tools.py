"""How are tools and the choice of them read and written?

Formats: OpenAI's OpenAPI document of November 2026, `/responses`: `function`, `custom`, `namespace`, `tool_search`, the tools
that OpenAI hosts, and those that only it has, which are opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.extra import Json, Place, exact
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import (
    ChoiceMode,
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    Location,
    NamespaceTool,
    OpaqueTool,
    SearchTool,
    Tool,
    ToolChoice,
    ToolRef,
)
from providers.wire.openai_responses.codec.requests.settings import refused
from providers.wire.openai_responses.codec.words import WIRE, own

CALLABLE = ("function", "custom")
HOSTED: Mapping[str, str] = MappingProxyType(
    {"web_search": "web_search", "web_search_preview": "web_search", "web_search_2025_08_26": "web_search",
     "web_search_preview_2025_03_11": "web_search", "code_interpreter": "code_execution", "file_search": "file_search",
     "image_generation": "image_generation"}
)  # fmt: skip
"""Type → canonical name."""
TYPES: Mapping[str, str] = MappingProxyType(
    {"web_search": "web_search", "code_execution": "code_interpreter", "file_search": "file_search",
     "image_generation": "image_generation"}
)  # fmt: skip
"""Canonical name → the type that other wires' requests get; of a web search, the one that every upstream has."""
SILENT: Mapping[str, Any] = MappingProxyType({"async": False, "allowed_callers": ["direct"]})
"""Values of further fields that count without the field."""
CHOICES = ("none", "auto", "required")
LOCATION = ("city", "region", "country", "timezone")


# From Responses


def tools_of(given: Sequence[Json], place: Place) -> tuple[Tool, ...]:
    """The tools. Raises 400 for one that must have a name and has none."""
    return tuple(_tool(tool, (*place, number)) for number, tool in enumerate(given))


def _tool(tool: Json, place: Place) -> Tool:
    kind = tool.get("type")
    if kind in CALLABLE and not isinstance(tool.get("name"), str):
        raise refused("A tool must have a name.", exact((*place, "name")), "missing_required_parameter")
    read = READ.get(kind) if isinstance(kind, str) else None
    made = read({name: said for name, said in tool.items() if name != "type"}, str(kind), place) if read else None
    if made is not None:
        return made
    name = tool.get("name")
    return OpaqueTool(WIRE, tool, name if isinstance(name, str) else "", called=str(kind), place=place)


def _lost(rest: Json) -> tuple[str, ...]:
    return tuple(name for name in left(rest) if SILENT.get(name) != rest[name] or name not in SILENT)


def _function(rest: Json, kind: str, place: Place) -> Tool | None:
    said: Json = {"name": rest.pop("name"), "description": taken(rest, "description", str)}
    said |= {"parameters": taken(rest, "parameters", dict), "strict": taken(rest, "strict", bool)}
    deferred = taken(rest, "defer_loading", bool)
    extra = own.extra_of(rest, _lost(rest))
    return FunctionTool(**said, deferred=deferred, called=kind, place=place, extra=extra)


def _custom(rest: Json, kind: str, place: Place) -> Tool | None:
    name, description = rest.pop("name"), taken(rest, "description", str)
    grammar = _grammar(rest)
    deferred = taken(rest, "defer_loading", bool)
    silent = () if rest.get("format") not in (None, {"type": "text"}) else ("format",)
    lost = tuple(one for one in _lost(rest) if one not in silent)
    return CustomTool(name, description, grammar, deferred=deferred, called=kind, place=place, extra=own.extra_of(rest, lost))


def _grammar(rest: Json) -> Grammar | None:
    """The grammar of a `format`, flat, or nested as in chat."""
    form = rest.get("format")
    if not isinstance(form, dict):
        return None
    nested = isinstance(form.get("grammar"), dict)
    given = dict(form["grammar"] if nested else form)
    definition = taken(given, "definition", str)
    if not definition:
        return None
    del rest["format"]
    syntax = taken(given, "syntax", str)
    outer = {name: value for name, value in form.items() if name != "grammar"} if nested else {}
    spelled: Json = {"outer": outer} if nested else {}
    if syntax is None:
        spelled["untold"] = True
    return Grammar(syntax or "lark", definition, own.extra_of(given, left(given, silent=("type",)), spelled=spelled))


def _namespace(rest: Json, kind: str, place: Place) -> Tool | None:
    name, tools = rest.get("name"), rest.get("tools")
    if not (isinstance(name, str) and name):
        return None
    if not (tools is None or _objects(tools)):
        raise refused("The tools must be a list of objects.", exact((*place, "tools")), "invalid_type")
    del rest["name"]
    if tools is not None:
        del rest["tools"]
    description = taken(rest, "description", str)
    inner = tools_of(tools or (), (*place, "tools"))
    extra = own.extra_of(rest, _lost(rest), spelled={} if tools is not None else {"no tools": True})
    return NamespaceTool(name, inner, description, called=kind, place=place, extra=extra)


def _objects(value: Any) -> bool:
    return type(value) is list and all(isinstance(one, dict) for one in value)


def _search(rest: Json, kind: str, place: Place) -> Tool | None:
    if rest.get("execution") != "client":
        return None
    del rest["execution"]
    description, parameters = taken(rest, "description", str), taken(rest, "parameters", dict)
    return SearchTool(description, parameters, called=kind, place=place, extra=own.extra_of(rest, _lost(rest)))


def _hosted(rest: Json, kind: str, place: Place) -> Tool | None:
    filters, location = rest.get("filters"), rest.get("user_location")
    said: Json = {"context_size": taken(rest, "search_context_size", str)}
    spelled: Json = {}
    if isinstance(filters, dict) and kind.startswith("web_search"):
        inner = dict(rest.pop("filters"))
        for name, canonical in (("allowed_domains", "allowed_domains"), ("blocked_domains", "blocked_domains")):
            if type(inner.get(name)) is list and all(type(one) is str for one in inner[name]):
                said[canonical] = tuple(inner.pop(name))
        spelled["filters"] = inner
    if isinstance(location, dict):
        inner = dict(rest.pop("user_location"))
        told = {name: taken(inner, name, str) for name in LOCATION}
        said["location"] = Location(**told, extra=own.extra_of(inner, left(inner, silent=("type",)), spelled={"there": True}))
    extra = own.extra_of(rest, _lost(rest), spelled=spelled)
    return HostedTool(HOSTED[kind], **said, called=kind, place=place, extra=extra)


READ: Mapping[str, Callable[[Json, str, Place], Tool | None]] = MappingProxyType(
    {
        "function": _function,
        "custom": _custom,
        "namespace": _namespace,
        "tool_search": _search,
        **dict.fromkeys(HOSTED, _hosted),
    }
)


def choice_of(given: Any) -> ToolChoice | None:
    """The choice; None for one that cannot be read. Raises 400 for a word that is none of the choices."""
    place: Place = ("tool_choice",)
    if isinstance(given, str):
        if given not in CHOICES:
            raise refused(f"The tool choice is none of {', '.join(CHOICES)}.", "tool_choice")
        return ToolChoice(mode=ChoiceMode(given), place=place)
    kind = given.get("type")
    if kind == "allowed_tools":
        return _allowed(dict(given), place)
    if not isinstance(kind, str) or not kind:
        return None
    ref = _ref(given)
    return None if ref is None else ToolChoice(mode=ChoiceMode.REQUIRED, forced=ref, place=place)


def _allowed(rest: Json, place: Place) -> ToolChoice | None:
    mode, tools = rest.get("mode"), rest.get("tools")
    spelled = {} if "mode" in rest else {"no mode": True}
    if mode not in (None, "", "auto", "required"):
        raise refused("The mode is neither 'auto' nor 'required'.", "tool_choice.mode")
    refs = [_ref(tool) if isinstance(tool, dict) else None for tool in tools] if type(tools) is list else None
    if refs is None or None in refs:
        return None
    for name in ("type", "tools", *(("mode",) if mode else ())):
        del rest[name]
    allowed = tuple(ref for ref in refs if ref is not None)
    extra = own.extra_of(rest, left(rest, silent=("mode",), of="tool_choice."), spelled=spelled)
    return ToolChoice(mode=ChoiceMode(mode or "auto"), allowed=allowed, place=place, extra=extra)


def _ref(given: Json) -> ToolRef | None:
    rest = dict(given)
    kind, namespace = taken(rest, "type", str), taken(rest, "namespace", str)
    name = taken(rest, "name", str)
    spelled: Json = {} if kind is not None else {"untyped": True}
    if name is None:
        spelled["unnamed"] = True
    extra = own.extra_of(rest, left(rest, of="tool_choice."), spelled=spelled)
    return ToolRef(name or "", namespace, kind or "function", extra)


# To Responses


def tool_json(tool: Tool) -> Json:
    """A tool that came in this wire, as it was."""
    if isinstance(tool, OpaqueTool):
        return tool.value
    made: Json = {"type": tool.called, **WRITE[type(tool)](tool), **own.rest_of(tool.extra)}
    return made if tool.deferred is None else made | {"defer_loading": tool.deferred}


def _said(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _function_json(tool: FunctionTool) -> Json:
    return {"name": tool.name} | _said(description=tool.description, parameters=tool.parameters, strict=tool.strict)


def _custom_json(tool: CustomTool) -> Json:
    form = None if tool.grammar is None else _grammar_json(tool.grammar)
    return {"name": tool.name} | _said(description=tool.description, format=form)


def _grammar_json(grammar: Grammar) -> Json:
    mine = grammar.extra is None or grammar.extra.wire is WIRE
    made: Json = {} if mine else {"type": "grammar"}
    if not own.spelled(grammar.extra, "untold"):
        made["syntax"] = grammar.syntax
    made |= {"definition": grammar.definition, **own.rest_of(grammar.extra)}
    outer = own.spelled(grammar.extra, "outer")
    return made if outer is None else {**outer, "grammar": made}


def _namespace_json(tool: NamespaceTool) -> Json:
    made = {"name": tool.name} | _said(description=tool.description)
    untold = not tool.tools and own.spelled(tool.extra, "no tools")
    return made if untold else made | {"tools": [tool_json(one) for one in tool.tools]}


def _search_json(tool: SearchTool) -> Json:
    return {"execution": "client"} | _said(description=tool.description, parameters=tool.parameters)


def hosted_json(tool: HostedTool) -> Json:
    """The fields of a hosted tool."""
    domains = {"allowed_domains": tool.allowed_domains, "blocked_domains": tool.blocked_domains}
    filters = {name: list(value) for name, value in domains.items() if value is not None}
    spelled = own.spelled(tool.extra, "filters")
    made = _said(search_context_size=tool.context_size)
    if filters or spelled is not None:
        made["filters"] = filters | (spelled or {})
    if tool.location is not None:
        where = {name: value for name in LOCATION if (value := getattr(tool.location, name)) is not None}
        mine = own.spelled(tool.location.extra, "there")
        made["user_location"] = where | (own.rest_of(tool.location.extra) if mine else {"type": "approximate"})
    return made


WRITE: Mapping[type, Callable[[Any], Json]] = MappingProxyType(
    {
        FunctionTool: _function_json,
        CustomTool: _custom_json,
        NamespaceTool: _namespace_json,
        SearchTool: _search_json,
        HostedTool: hosted_json,
    }
)


def choice_json(choice: ToolChoice) -> Any:
    """The choice."""
    if choice.forced is not None:
        return ref_json(choice.forced)
    if choice.allowed is not None:
        mode = {} if "mode" in own.rest_of(choice.extra) or _no_mode(choice) else {"mode": choice.mode.value}
        tools = [ref_json(ref) for ref in choice.allowed]
        return {"type": "allowed_tools", **mode, "tools": tools, **own.rest_of(choice.extra)}
    return "auto" if choice.mode is ChoiceMode.VALIDATED else choice.mode.value


def _no_mode(choice: ToolChoice) -> bool:
    return bool(own.spelled(choice.extra, "no mode"))


def ref_json(ref: ToolRef) -> Json:
    """A tool, as a choice names it."""
    made: Json = {} if own.spelled(ref.extra, "untyped") else {"type": ref.kind}
    if not own.spelled(ref.extra, "unnamed"):
        made["name"] = ref.name
    if ref.namespace is not None:
        made["namespace"] = ref.namespace
    return made | own.rest_of(ref.extra)
