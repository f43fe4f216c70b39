"""How are the tools of a request and the choice among them read?

Format: google-genai 3.6.1, `Tool` (one object may hold functions and several tools of Google's), `ToolConfig`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import ChoiceMode, FunctionTool, HostedTool, OpaqueTool, Tool, ToolChoice, ToolRef
from providers.wire.gemini.codec.schemas import plain_schema
from providers.wire.gemini.codec.spelling import camel, listed, named
from providers.wire.gemini.codec.words import WIRE

FUNCTIONS = "functionDeclarations"
HOSTED: Mapping[str, str] = MappingProxyType(
    {
        "googleSearch": "web_search",
        "googleSearchRetrieval": "web_search",
        "codeExecution": "code_execution",
        "urlContext": "url_context",
        "fileSearch": "file_search",
    }
)
MODES: Mapping[str, ChoiceMode] = MappingProxyType(
    {
        "AUTO": ChoiceMode.AUTO,
        "ANY": ChoiceMode.REQUIRED,
        "NONE": ChoiceMode.NONE,
        "VALIDATED": ChoiceMode.VALIDATED,
        "MODE_UNSPECIFIED": ChoiceMode.AUTO,
    }
)
CONFIG, CALLING = "toolConfig", "functionCallingConfig"
MISSING = "missing_required_parameter"


def tools_of(given: Any, needs: list[Need]) -> tuple[Tool, ...] | None:
    """The tools, None where none are told."""
    tools = listed(given)
    if tools is None:
        return None
    if not isinstance(tools, list):
        needs.append(Need("The field 'tools' must be a list of tools.", ("tools",), "invalid_type"))
        return None
    return tuple(made for number, tool in enumerate(tools) for made in _tools(tool, ("tools", number)))


def _tools(tool: Any, place: Place) -> Iterator[Tool]:
    if not isinstance(tool, dict):
        need = Need("A tool must be an object.", place)
        yield OpaqueTool(WIRE, {"value": tool}, need=need, called="tool", place=place)
        return
    for name, value in camel(tool).items():
        if value is None:
            continue
        inside = (*place, name)
        functions = listed(value) if name == FUNCTIONS else None
        if isinstance(functions, list):
            for number, one in enumerate(functions):
                yield _function(one, (*inside, number))
        elif name in HOSTED and isinstance(value, dict):
            yield _hosted(name, camel(value), inside)
        else:
            yield OpaqueTool(WIRE, {name: value}, called=name, place=inside)


def _function(given: Any, place: Place) -> Tool:
    rest = camel(given) if isinstance(given, dict) else {}
    name = taken(rest, "name", str)
    if not name:
        need = Need("A function needs a 'name'.", (*place, "name"), MISSING)
        return OpaqueTool(WIRE, {"value": given}, need=need, called=FUNCTIONS, place=place)
    description, plain = taken(rest, "description", str), taken(rest, "parametersJsonSchema", dict)
    subset = taken(rest, "parameters", dict)
    parameters = plain if plain is not None else None if subset is None else plain_schema(subset)
    return FunctionTool(name, description, parameters, called=FUNCTIONS, place=place, extra=named(left(rest)))


def _hosted(name: str, rest: Json, place: Place) -> Tool:
    blocked = rest.get("excludeDomains")
    if isinstance(blocked, list) and all(type(one) is str for one in blocked):
        del rest["excludeDomains"]
        return HostedTool(HOSTED[name], blocked_domains=tuple(blocked), called=name, place=place, extra=named(left(rest)))
    return HostedTool(HOSTED[name], called=name, place=place, extra=named(left(rest)))


def choice_of(rest: Json, needs: list[Need], lost: list[str]) -> ToolChoice | None:
    """The choice, taken out of the request's fields; None if the client makes none."""
    given = rest.pop(CONFIG, None)
    config = camel(given) if isinstance(given, dict) else {}
    if not isinstance(given, dict | None):
        needs.append(Need(f"The field {CONFIG!r} must be an object.", (CONFIG,), "invalid_type"))
    calling = config.pop(CALLING, None)
    lost += left(config, of=f"{CONFIG}.")
    if calling is None:
        return None
    place: Place = (CONFIG, CALLING)
    inner = camel(calling) if isinstance(calling, dict) else {"mode": calling}
    told, allowed = inner.pop("mode", None), inner.pop("allowedFunctionNames", None)
    mode = ChoiceMode.AUTO if told is None else MODES.get(told.upper()) if isinstance(told, str) else None
    names = listed(allowed) or []
    if mode is None or not isinstance(names, list) or not all(type(name) is str for name in names):
        needs.append(Need(f"The field '{CONFIG}.{CALLING}' is none of Gemini's choices.", place))
        return None
    lost += left(inner, of=f"{CONFIG}.{CALLING}.")
    if mode is ChoiceMode.REQUIRED and len(names) == 1:
        return ToolChoice(mode=mode, forced=ToolRef(names[0]), place=place)
    return ToolChoice(mode=mode, allowed=tuple(map(ToolRef, names)) if names else None, place=place)
