"""How are tools and the choice of them read, and written as they were?

Format: Anthropic's reference of October 2026: tools of the client (`custom`, or without a type), those that Anthropic runs, and
those that only it has (`bash_…`, `computer_…`, `mcp_toolset`, …), which are opaque.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import (
    ChoiceMode,
    FunctionTool,
    HostedTool,
    Location,
    OpaqueTool,
    Tool,
    ToolChoice,
    ToolRef,
)
from providers.wire.anthropic_messages.codec.media import CACHE, mark_json, mark_of
from providers.wire.anthropic_messages.codec.words import WIRE, own

CUSTOM = "custom"
HOSTED = re.compile(r"(web_search|web_fetch|code_execution)_\d{8}\Z")
CHOICES: Mapping[str, ChoiceMode] = MappingProxyType(
    {"auto": ChoiceMode.AUTO, "any": ChoiceMode.REQUIRED, "none": ChoiceMode.NONE, "tool": ChoiceMode.REQUIRED}
)
CHOICE: Place = ("tool_choice",)
DOMAINS = ("allowed_domains", "blocked_domains")
LOCATION = ("city", "region", "country", "timezone")
SILENT: Mapping[str, Any] = MappingProxyType({"allowed_callers": ["direct"], "eager_input_streaming": False})
"""Values of further fields that count without the field."""
DISABLE = "disable_parallel_tool_use"


def tool_of(tool: Any, place: Place) -> Tool:
    """The tool. One of the client's without a name must not be left out."""
    if not isinstance(tool, dict):
        need = Need("A tool must be an object.", place)
        extra = own.extra_of({}, spelled={"bare": True})
        return OpaqueTool(WIRE, {"value": tool}, need=need, called="None", place=place, extra=extra)
    kind, name = tool.get("type"), tool.get("name")
    named = name if isinstance(name, str) else ""
    if kind in (None, CUSTOM):
        if not named:
            need = Need("A tool needs a 'name'.", (*place, "name"), "missing_required_parameter")
            return OpaqueTool(WIRE, tool, need=need, called=CUSTOM, place=place)
        return _function({**tool}, place)
    found = HOSTED.match(kind) if isinstance(kind, str) else None
    if found is not None:
        return _hosted({**tool}, found[1], place)
    return OpaqueTool(WIRE, tool, named, called=str(kind), place=place)


def _lost(rest: Json, *silent: str) -> tuple[str, ...]:
    return tuple(name for name in left(rest, silent=silent) if name not in SILENT or rest[name] != SILENT[name])


def _function(rest: Json, place: Place) -> FunctionTool:
    name, description = rest.pop("name"), taken(rest, "description", str)
    parameters, strict = taken(rest, "input_schema", dict), taken(rest, "strict", bool)
    deferred, cache = taken(rest, "defer_loading", bool), mark_of(rest, place)
    extra = own.extra_of(rest, _lost(rest, "type")) if rest else None
    said: Json = {"deferred": deferred, "cache": cache, "extra": extra}
    return FunctionTool(name, description, parameters, strict=strict, called=CUSTOM, place=place, **said)


def _hosted(rest: Json, name: str, place: Place) -> HostedTool:
    kind = rest.pop("type")
    said: Json = {"most_uses": taken(rest, "max_uses", int), "deferred": taken(rest, "defer_loading", bool)}
    for domains in DOMAINS:
        if type(rest.get(domains)) is list and all(type(one) is str for one in rest[domains]):
            said[domains] = tuple(rest.pop(domains))
    given = rest.get("user_location")
    if type(given) is dict:
        inner = {**rest.pop("user_location")}
        told = {field: taken(inner, field, str) for field in LOCATION}
        said["location"] = Location(**told, extra=own.extra_of(inner, left(inner, silent=("type",)), spelled={"there": True}))
    cache = mark_of(rest, place)
    return HostedTool(name, **said, called=kind, place=place, cache=cache, extra=own.extra_of(rest, _lost(rest, "name")))


def choice_of(choice: Any) -> tuple[ToolChoice | Need, bool | None]:
    """The choice, or why there is none; and whether calls may be parallel, None if that is not said."""
    kind = choice.get("type") if isinstance(choice, dict) else None
    if not isinstance(kind, str) or kind not in CHOICES:
        return Need(f"The field 'tool_choice' has a type that is none of {', '.join(CHOICES)}.", CHOICE), None
    rest = {name: said for name, said in choice.items() if name != "type"}
    disabled = taken(rest, DISABLE, bool)
    forced = None
    if kind == "tool":
        name = taken(rest, "name", str)
        if not name:
            return Need("A choice of type tool needs a 'name'.", (*CHOICE, "name"), "missing_required_parameter"), None
        forced = ToolRef(name)
    extra = own.extra_of(rest, left(rest))
    return ToolChoice(mode=CHOICES[kind], forced=forced, place=CHOICE, extra=extra), None if disabled is None else not disabled


# As they were


def tool_json(tool: Tool) -> Any:
    """The tool, as it was."""
    if isinstance(tool, OpaqueTool):
        return tool.value["value"] if own.spelled(tool.extra, "bare") else tool.value
    made = _function_json(tool) if isinstance(tool, FunctionTool) else hosted_json(tool) if isinstance(tool, HostedTool) else {}
    if tool.deferred is not None:
        made["defer_loading"] = tool.deferred
    if tool.cache is not None:
        made[CACHE] = mark_json(tool.cache)
    return made | own.rest_of(tool.extra)


def _function_json(tool: FunctionTool) -> Json:
    said = {"description": tool.description, "input_schema": tool.parameters, "strict": tool.strict}
    return {"name": tool.name} | {name: value for name, value in said.items() if value is not None}


def hosted_json(tool: HostedTool) -> Json:
    """The fields of a tool that Anthropic runs, without its name, which is in the rest of one that came in this wire."""
    made: Json = {"type": tool.called}
    if tool.most_uses is not None:
        made["max_uses"] = tool.most_uses
    made |= {name: list(value) for name in DOMAINS if (value := getattr(tool, name)) is not None}
    if tool.location is not None:
        where = {name: value for name in LOCATION if (value := getattr(tool.location, name)) is not None}
        mine = own.spelled(tool.location.extra, "there")
        made["user_location"] = where | (own.rest_of(tool.location.extra) if mine else {"type": "approximate"})
    return made


def choice_json(choice: ToolChoice | None, parallel: bool | None) -> Json | None:
    """The choice, as it was."""
    if choice is None:
        return None
    kind = next(name for name, mode in CHOICES.items() if mode is choice.mode)
    made: Json = {"type": kind} if choice.forced is None else {"type": "tool", "name": choice.forced.name}
    if parallel is not None:
        made[DISABLE] = not parallel
    return made | own.rest_of(choice.extra)
