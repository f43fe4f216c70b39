"""What tools does Converse offer a model, and which must it call?

Format: `bedrock-runtime` of botocore 1.44.8, `ToolConfiguration`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import is_same, left, taken
from providers.canonical.tools import ChoiceMode, FunctionTool, OpaqueTool, Tool, ToolChoice, ToolRef
from providers.wire.bedrock_converse.codec.marks import mark_in, mark_json, outer_of
from providers.wire.bedrock_converse.codec.words import WIRE, own

SPEC = "toolSpec"
MODES: Mapping[str, ChoiceMode] = MappingProxyType({"auto": ChoiceMode.AUTO, "any": ChoiceMode.REQUIRED})
WORDS: Mapping[ChoiceMode, str] = MappingProxyType({mode: word for word, mode in MODES.items()})


# From Converse


def tools_of(values: Sequence[Any], place: Place) -> tuple[Tool, ...]:
    """The tools, each with the mark of the point of the cache after it."""
    found: list[Tool] = []
    for number, value in enumerate(values):
        mark = mark_in(value, (*place, number)) if found and found[-1].cache is None else None
        if mark is not None:
            found[-1] = msgspec.structs.replace(found[-1], cache=mark)
        else:
            found.append(_tool(value, (*place, number)))
    return tuple(found)


def _tool(value: Any, place: Place) -> Tool:
    inner = value.get(SPEC) if isinstance(value, dict) else None
    if isinstance(inner, dict) and type(inner.get("name")) is str and inner["name"]:
        rest, spelled = dict(inner), {}
        said = {"description": taken(rest, "description", str), "strict": taken(rest, "strict", bool)}
        outer = {name: one for name, one in value.items() if name != SPEC}
        spelled = {"outer": outer} if outer else {}
        name, parameters = rest.pop("name"), _schema(rest)
        extra = own.extra_of(rest, (*left(rest, of=f"{SPEC}."), *left(outer)), spelled=spelled)
        tool = FunctionTool(name, parameters=parameters, **said, called=SPEC, place=place, extra=extra)
        if is_same(_tool_json(tool), value):
            return tool
    called = next(iter(value), "") if isinstance(value, dict) else ""
    whole = value if isinstance(value, dict) else {"value": value}
    system = whole.get("systemTool")
    name = str(system.get("name") or "") if isinstance(system, dict) else ""
    bare = own.extra_of({}, spelled={"bare": True}) if whole is not value else None
    return OpaqueTool(wire=WIRE, value=whole, name=name, called=called, place=place, extra=bare)


def _schema(rest: Json) -> Json | None:
    given = rest.get("inputSchema")
    if isinstance(given, dict) and given.keys() == {"json"} and isinstance(given["json"], dict):
        del rest["inputSchema"]
        schema: Json = given["json"]
        return schema
    return None


def choice_of(value: Any, place: Place) -> ToolChoice | Need:
    """What must be called, or why that cannot be read."""
    kind = next(iter(value), "") if isinstance(value, dict) and len(value) == 1 else ""
    inner = value[kind] if kind else None
    if kind in MODES and isinstance(inner, dict):
        extra = own.extra_of(inner, left(inner, of=f"{kind}."))
        return ToolChoice(mode=MODES[kind], place=place, extra=extra)
    if kind == "tool" and isinstance(inner, dict) and type(inner.get("name")) is str:
        rest = {name: said for name, said in inner.items() if name != "name"}
        extra = own.extra_of(rest, left(rest, of=f"{kind}."))
        return ToolChoice(mode=ChoiceMode.REQUIRED, forced=ToolRef(inner["name"]), place=place, extra=extra)
    return Need("The field 'toolConfig.toolChoice' must be 'auto', 'any' or 'tool' with its 'name'.", place)


# To Converse


def tools_json(tools: Sequence[Tool]) -> list[Any]:
    """The tools, as they came."""
    made: list[Any] = []
    for tool in tools:
        made.append(_tool_json(tool))
        if tool.cache is not None:
            made.append(mark_json(tool.cache))
    return made


def _tool_json(tool: Tool) -> Any:
    if isinstance(tool, OpaqueTool):
        return tool.value["value"] if own.spelled(tool.extra, "bare") else tool.value
    return {SPEC: spec_json(tool), **outer_of(tool.extra)} if isinstance(tool, FunctionTool) else {}


def spec_json(tool: FunctionTool) -> Json:
    """What a function takes."""
    made: Json = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.parameters is not None:
        made["inputSchema"] = {"json": tool.parameters}
    if tool.strict is not None:
        made["strict"] = tool.strict
    return made | own.rest_of(tool.extra)


def choice_json(choice: ToolChoice) -> Json:
    """What must be called."""
    if choice.forced is not None:
        return {"tool": {"name": choice.forced.name, **own.rest_of(choice.extra)}}
    return {WORDS.get(choice.mode, "auto"): dict(own.rest_of(choice.extra))}
