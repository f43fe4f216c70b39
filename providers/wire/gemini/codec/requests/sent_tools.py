"""Which of Gemini's tools stand for those of another wire, and which may be called?

All that a client runs are functions (`providers/canonical/functions.py`); of tools that an upstream runs, Gemini has its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import ToolsChange
from providers.canonical.extra import Json, exact
from providers.canonical.functions import NO_PARAMETERS, Sent, functions_of
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import (
    CallKind,
    ChoiceMode,
    FunctionTool,
    HostedTool,
    NamespaceTool,
    OpaqueTool,
    SentTools,
    Tool,
    ToolChoice,
    ToolRef,
)
from providers.errors import Unsupported
from providers.wire.gemini.codec.calls import google_name, name_of
from providers.wire.gemini.codec.requests.tools import CALLING, CONFIG, FUNCTIONS
from providers.wire.gemini.codec.words import WIRE

HOSTED: Mapping[str, str] = MappingProxyType(
    {"web_search": "googleSearch", "code_execution": "codeExecution", "url_context": "urlContext", "web_fetch": "urlContext"}
)
MODES: Mapping[ChoiceMode, str] = MappingProxyType(
    {ChoiceMode.AUTO: "AUTO", ChoiceMode.NONE: "NONE", ChoiceMode.REQUIRED: "ANY", ChoiceMode.VALIDATED: "VALIDATED"}
)
KEEPING = (ChoiceMode.REQUIRED, ChoiceMode.VALIDATED)
"""Modes in which calls keep to their schemas, and which alone take names; in others, what may not be called is not sent."""
CALLABLE = frozenset({CallKind.FUNCTION.value, CallKind.CUSTOM.value})
SERVER_SIDE = "includeServerSideToolInvocations"


def tools_sent(request: Request, changes: Sequence[ToolsChange], losses: Losses) -> tuple[Json, SentTools]:
    """Gemini's `tools` and `toolConfig`, and what calls of them mean. Raises 400 `Unsupported`."""
    made = _Made(losses)
    for tool in request.tools or ():
        made.add(tool)
    for change in changes:  # a tool that comes again counts as it came last
        for tool in change.added:
            made.add(tool, again=True)
        for name in change.removed:
            made.functions.pop(name_of(ToolRef(name)), None)
    choice = request.choice or ToolChoice()
    allowed = None if choice.allowed is None else made.allowed(choice)
    _name_losses(request, made, choice, losses)
    sent = SentTools(made.refs, allowed)
    every = allowed is None or choice.mode in KEEPING
    functions = [one for name, one in made.functions.items() if every or (allowed is not None and name in allowed)]
    tools: list[Json] = [{FUNCTIONS: functions}] if functions else []
    tools += [{name: value} for name, value in made.hosted.items()]
    if not tools:
        return {}, sent
    config: Json = {}
    if functions and made.hosted:
        config[SERVER_SIDE] = True  # without it, functions and Google's own tools do not go together
    if functions and request.choice is not None and (calling := _calling(request, choice, allowed, losses)):
        config[CALLING] = calling
    return {"tools": tools} | ({CONFIG: config} if config else {}), sent


def _name_losses(request: Request, made: _Made, choice: ToolChoice, losses: Losses) -> None:
    if request.parallel_calls is False:
        losses.field(request, "parallel_calls")
    if made.strict is not None and choice.mode not in KEEPING:
        losses.field(made.strict, "strict")
    wanted = choice.forced is not None or choice.allowed is not None or choice.mode not in (ChoiceMode.AUTO, ChoiceMode.NONE)
    if not made.functions and wanted:
        losses.field(request, "choice")


def _calling(request: Request, choice: ToolChoice, allowed: frozenset[str] | None, losses: Losses) -> Json | None:
    if choice.forced is not None:
        if choice.forced.kind not in CALLABLE:
            losses.field(request, "choice")
            return None
        return {"mode": MODES[ChoiceMode.REQUIRED], "allowedFunctionNames": [name_of(choice.forced)]}
    names = {"allowedFunctionNames": sorted(allowed)} if allowed and choice.mode in KEEPING else {}
    return {"mode": MODES[choice.mode], **names}


class _Made:
    """The functions, by their names upstream, what their calls mean where that is another thing, and Google's tools."""

    def __init__(self, losses: Losses) -> None:
        self.functions: dict[str, Json] = {}
        self.refs: dict[str, ToolRef] = {}
        self.hosted: dict[str, Any] = {}
        self.strict: FunctionTool | None = None
        """One that must keep to its schema."""
        self._losses = losses

    def add(self, tool: Tool, *, again: bool = False) -> None:
        for one in tool.tools if isinstance(tool, NamespaceTool) else (tool,):
            self._look(one)
        for sent in functions_of(tool):
            name = google_name(sent.name)
            if name in self.functions and not again:
                place = exact((*tool.place, "name"))
                message = f"This model's provider would know two tools as {name!r}."
                raise Unsupported(400, message, code="invalid_value", param=place)
            self.functions[name] = _function(name, sent)
            self.refs.pop(name, None)
            if sent.ref is not None or name != sent.name:
                self.refs[name] = sent.ref or ToolRef(sent.name)

    def _look(self, tool: Tool) -> None:
        if isinstance(tool, FunctionTool) and tool.strict:
            self.strict = tool
        elif isinstance(tool, OpaqueTool) and tool.wire is WIRE:
            self.hosted |= tool.value
        elif isinstance(tool, HostedTool) and tool.name in HOSTED:
            self.hosted[HOSTED[tool.name]] = {}
        elif isinstance(tool, HostedTool):
            self._losses.whole(tool)

    def allowed(self, choice: ToolChoice) -> frozenset[str]:
        """The names of those that may be called; a namespace stands for all that are in it."""
        names = set(map(name_of, choice.allowed or ()))
        inside = {name: ref.namespace for name, ref in self.refs.items() if ref.namespace}
        namespaces = {ref.name for ref in choice.allowed or () if ref.name in inside.values()}
        unknown = names - self.functions.keys() - set(map(google_name, namespaces))
        if unknown:
            place = exact((*choice.place, "tools"))
            raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
        return frozenset((names & self.functions.keys()) | {name for name, of in inside.items() if of in namespaces})


def _function(name: str, sent: Sent) -> Json:
    """The function; one that takes nothing has no parameters."""
    made: Json = {"name": name, "description": sent.description}
    return made if sent.parameters == NO_PARAMETERS else made | {"parametersJsonSchema": sent.parameters}
