"""How do the tools of a chat request become those of a Responses request?

Chat nests what a tool is under its type, Responses does not; whether a function is strict is always said, because the
two have different defaults.
"""

from __future__ import annotations

from typing import Any

from providers.wire.openai_responses.tools import Json, refused

KINDS = ("function", "custom")
LOCATION = ("city", "country", "region", "timezone")


def tool_fields(request: Json, lossy: list[str]) -> Json:
    """The fields `tools`, `tool_choice` and `parallel_tool_calls`; notes in `lossy` what was left out."""
    made = []
    for place, tool in enumerate(request.get("tools") or ()):
        if not isinstance(tool, dict):
            raise refused("A tool must be an object.", f"tools[{place}]")
        if tool.get("type") not in KINDS:
            lossy.append(f"tools[{place}] ({tool.get('type')})")
            continue
        lossy += [f"tools[].{name}" for name, value in tool.items() if value is not None and name not in ("type", tool["type"])]
        made.append(_tool(tool, f"tools[{place}]", lossy))
    if request.get("web_search_options") is not None:
        made.append(_web_search(request["web_search_options"], lossy))
    choice = request.get("tool_choice")
    if not made:
        if choice not in (None, "auto", "none"):
            lossy.append("tool_choice")
        return {}
    fields: Json = {"tools": made}
    if choice is not None:
        fields["tool_choice"] = choice if isinstance(choice, str) else _choice(choice)
    if request.get("parallel_tool_calls") is not None:
        fields["parallel_tool_calls"] = request["parallel_tool_calls"]
    return fields


def _web_search(options: Any, lossy: list[str]) -> Json:
    """The tool that searches as those models of chat do that search always."""
    if not isinstance(options, dict):
        raise refused("The field 'web_search_options' must be an object.", "web_search_options", "invalid_type")
    made: Json = {"type": "web_search"}
    if options.get("search_context_size") is not None:
        made["search_context_size"] = options["search_context_size"]
    place = options.get("user_location")
    if place is not None:
        approximate = place.get("approximate") or {}
        made["user_location"] = {"type": "approximate"} | {name: approximate[name] for name in LOCATION if approximate.get(name)}
        inner = {**{name: said for name, said in place.items() if name not in ("type", "approximate")}, **approximate}
        lossy += [
            f"web_search_options.user_location.{name}"
            for name, said in inner.items()
            if said is not None and name not in LOCATION
        ]
    known = ("search_context_size", "user_location")
    lossy += [f"web_search_options.{name}" for name, said in options.items() if said is not None and name not in known]
    return made


def _tool(tool: Json, place: str, lossy: list[str]) -> Json:
    kind = tool["type"]
    inner = _named(tool, place)
    made: Json = {"type": kind, "name": inner["name"]}
    if inner.get("description") is not None:
        made["description"] = inner["description"]
    if kind == "function":
        made["parameters"] = inner.get("parameters") or {"type": "object", "properties": {}}
        made["strict"] = bool(inner.get("strict"))
    elif inner.get("format") is not None:
        made["format"] = _format(inner["format"])
    lossy += [f"tools[].{kind}.{name}" for name, value in inner.items() if value is not None and name not in made]
    return made


def _format(form: Any) -> Any:
    """A grammar is nested in chat."""
    if not isinstance(form, dict) or not isinstance(form.get("grammar"), dict):
        return form
    return {"type": form.get("type")} | form["grammar"]


def _choice(choice: Any) -> Json:
    """Raises 400 for a choice that is none of chat's: without it the model would be free."""
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind in KINDS:
        return _reference(choice, "tool_choice")
    allowed = choice.get("allowed_tools") if kind == "allowed_tools" else None
    if not isinstance(allowed, dict):
        raise refused("The field 'tool_choice' is none of chat's choices.", "tool_choice")
    tools = [_reference(tool, f"tool_choice.allowed_tools.tools[{at}]") for at, tool in enumerate(allowed.get("tools") or ())]
    return {"type": "allowed_tools", "mode": allowed.get("mode") or "auto", "tools": tools}


def _reference(tool: Any, place: str) -> Json:
    if not isinstance(tool, dict) or tool.get("type") not in KINDS:
        raise refused("Only functions and custom tools can be named.", place)
    return {"type": tool["type"], "name": _named(tool, place)["name"]}


def _named(tool: Json, place: str) -> Json:
    """What stands under the tool's type. Raises 400 if it has no name."""
    kind = tool["type"]
    inner = tool.get(kind)
    if not isinstance(inner, dict) or not inner.get("name"):
        message = f"A tool of type {kind} needs {kind!r} with a 'name'."
        raise refused(message, f"{place}.{kind}.name", "missing_required_parameter")
    return inner
