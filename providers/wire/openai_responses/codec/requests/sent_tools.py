"""How do the tools of another wire become those of this one?

Whether a function is strict is always said, because the wires have different defaults.
"""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import (
    ChoiceMode,
    CustomTool,
    FunctionTool,
    HostedTool,
    NamespaceTool,
    SearchTool,
    Tool,
    ToolChoice,
    ToolRef,
)
from providers.wire.openai_responses.codec.requests.tools import CALLABLE, TYPES, hosted_json

NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def tool_fields(request: Request, losses: Losses) -> Json:
    """The fields `tools`, `tool_choice` and `parallel_tool_calls`."""
    made = [one for tool in request.tools or () if (one := _tool(tool, losses)) is not None]
    choice = request.choice
    if not made:
        if choice is not None and (choice.forced or choice.allowed is not None or choice.mode not in ("auto", "none")):
            losses.field(request, "choice")
        return {}
    fields: Json = {"tools": made}
    if choice is not None:
        fields["tool_choice"] = _choice(choice)
    if request.parallel_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_calls
    return fields


def _tool(tool: Tool, losses: Losses) -> Json | None:
    if isinstance(tool, FunctionTool):
        made: Json = {"type": "function", "name": tool.name}
        if tool.description is not None:
            made["description"] = tool.description
        return made | {"parameters": tool.parameters or NO_PARAMETERS, "strict": bool(tool.strict)} | _deferred(tool)
    if isinstance(tool, CustomTool):
        return {"type": "custom", "name": tool.name} | _custom(tool) | _deferred(tool)
    if isinstance(tool, NamespaceTool):
        inner = [one for each in tool.tools if (one := _tool(each, losses)) is not None]
        return {"type": "namespace", "name": tool.name, "description": tool.description or "", "tools": inner}
    if isinstance(tool, SearchTool):
        said = {"description": tool.description, "parameters": tool.parameters}
        return {"type": "tool_search", "execution": "client"} | {key: one for key, one in said.items() if one is not None}
    if isinstance(tool, HostedTool) and tool.name in TYPES:
        return {"type": TYPES[tool.name]} | hosted_json(tool)
    if isinstance(tool, HostedTool):
        losses.whole(tool)
    return None  # the losses have it


def _deferred(tool: FunctionTool | CustomTool) -> Json:
    return {} if tool.deferred is None else {"defer_loading": tool.deferred}


def _custom(tool: CustomTool) -> Json:
    made: Json = {} if tool.description is None else {"description": tool.description}
    if tool.grammar is not None:
        made["format"] = {"type": "grammar", "syntax": tool.grammar.syntax, "definition": tool.grammar.definition}
    return made


def _choice(choice: ToolChoice) -> Any:
    if choice.forced is not None:
        return _ref(choice.forced)
    if choice.allowed is not None:
        return {"type": "allowed_tools", "mode": choice.mode.value, "tools": [_ref(ref) for ref in choice.allowed]}
    return "auto" if choice.mode is ChoiceMode.VALIDATED else choice.mode.value


def _ref(ref: ToolRef) -> Json:
    if ref.kind not in CALLABLE:
        return {"type": TYPES.get(ref.name, ref.kind)}
    made: Json = {"type": ref.kind, "name": ref.name}
    return made if ref.namespace is None else made | {"namespace": ref.namespace}
