"""How do the tools of another wire become those of this one, and how are calls of them told apart?

Format: Anthropic's reference of October 2026, `tools` and `tool_choice`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from providers.canonical.blocks import ToolsChange
from providers.canonical.extra import Json, exact
from providers.canonical.functions import NO_PARAMETERS, Sent, full_name, functions_of
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import CallKind, ChoiceMode, HostedTool, SentTools, Tool, ToolChoice, ToolRef
from providers.errors import Unsupported
from providers.wire.anthropic_messages.codec.requests.models import Model
from providers.wire.anthropic_messages.codec.requests.parts import marked
from providers.wire.anthropic_messages.codec.requests.schemas import input_schema
from providers.wire.anthropic_messages.codec.requests.tools import DISABLE, hosted_json

HOSTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "web_search": ("web_search_20250305", "web_search"),
        "web_fetch": ("web_fetch_20250910", "web_fetch"),
        "url_context": ("web_fetch_20250910", "web_fetch"),
        "code_execution": ("code_execution_20250825", "code_execution"),
    }
)
"""Canonical name → the type that every model has, and its name."""
CALLABLE = frozenset({CallKind.FUNCTION.value, CallKind.CUSTOM.value})
MODES: Mapping[ChoiceMode, str] = MappingProxyType(
    {ChoiceMode.AUTO: "auto", ChoiceMode.VALIDATED: "auto", ChoiceMode.NONE: "none", ChoiceMode.REQUIRED: "any"}
)


def tools_sent(
    request: Request, changes: Sequence[ToolsChange], called: Sequence[str], model: Model, losses: Losses
) -> tuple[Json, SentTools]:
    """The fields `tools` and `tool_choice`, and what calls mean. `called` are the tools of the calls in the conversation: without
    tools it is refused, so where there are none any more these stand there, and may not be called. Raises 400 `Unsupported`."""
    made = _Made(model, losses)
    for tool in request.tools or ():
        made.add(tool)
    for change in changes:  # a tool that comes again counts as it came last
        for tool in change.added:
            made.add(tool, again=True)
        for name in change.removed:
            made.tools.pop(name, None)
    choice = request.choice or ToolChoice()
    allowed = None if choice.allowed is None else made.allowed(choice)
    tools = [tool for name, tool in made.tools.items() if allowed is None or name in allowed]
    if not tools:
        if choice.forced is not None or choice.allowed is not None or choice.mode not in (ChoiceMode.AUTO, ChoiceMode.NONE):
            losses.field(request, "choice")
        past: list[Json] = [{"name": name, "input_schema": NO_PARAMETERS} for name in dict.fromkeys(called)]
        return {"tools": past, "tool_choice": {"type": "none"}} if past else {}, SentTools(made.refs, allowed)
    return {"tools": tools} | _choice(request, choice, losses), SentTools(made.refs, allowed)


def _choice(request: Request, choice: ToolChoice, losses: Losses) -> Json:
    said = MODES[choice.mode]
    made: Json = {"type": said}
    if choice.mode is ChoiceMode.VALIDATED:
        losses.field(request, "choice")
    if choice.forced is not None:
        hosted = HOSTED.get(choice.forced.name)
        if choice.forced.kind not in CALLABLE and hosted is None:
            losses.field(request, "choice")
            made = {"type": "auto"}
        else:
            name = (
                hosted[1]
                if hosted and choice.forced.kind not in CALLABLE
                else full_name(choice.forced.namespace, choice.forced.name)
            )
            made = {"type": "tool", "name": name}
    if request.parallel_calls is False and said != "none":
        made[DISABLE] = True
    return {"tool_choice": made} if request.choice is not None or DISABLE in made else {}


class _Made:
    """The tools, by their names upstream, and what their calls mean where that is another thing."""

    def __init__(self, model: Model, losses: Losses) -> None:
        self.tools: dict[str, Json] = {}
        self.refs: dict[str, ToolRef] = {}
        self._names: set[str] = set()
        self._model = model
        self._losses = losses

    def add(self, tool: Tool, *, again: bool = False) -> None:
        if isinstance(tool, HostedTool):
            self._hosted(tool)
        for sent in functions_of(tool):
            name = sent.name
            if name in self._names and not again:
                message = f"This model's provider would know two tools as {name!r}."
                raise Unsupported(400, message, code="invalid_value", param=exact((*tool.place, "name")))
            self._names.add(name)
            self.tools[name] = self._function(sent, tool)
            self.refs.pop(name, None)
            if sent.ref is not None:
                self.refs[name] = sent.ref

    def _function(self, sent: Sent, tool: Tool) -> Json:
        made: Json = {"name": sent.name}
        if sent.description:
            made["description"] = sent.description
        made["input_schema"] = input_schema(sent.parameters)
        if sent.strict and self._model.schema:
            made["strict"] = True
        elif sent.strict:
            self._losses.field(tool, "strict")
        return made if sent.cache is None else made | marked(sent.cache, self._losses)

    def _hosted(self, tool: HostedTool) -> None:
        if tool.name not in HOSTED:
            self._losses.whole(tool)
            return
        kind, name = HOSTED[tool.name]
        self._names.add(name)
        made = {**hosted_json(tool), "type": kind, "name": name}
        self.tools[name] = made if tool.cache is None else made | marked(tool.cache, self._losses)

    def allowed(self, choice: ToolChoice) -> frozenset[str]:
        """The names of those that may be called; a namespace stands for all that are in it."""
        names = {_name(ref) for ref in choice.allowed or ()}
        inside = {name: ref.namespace for name, ref in self.refs.items() if ref.namespace}
        unknown = names - self._names - set(inside.values())
        if unknown:
            place = exact((*choice.place, "tools"))
            raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
        return frozenset(names | {name for name, namespace in inside.items() if namespace in names})


def _name(ref: ToolRef) -> str:
    hosted = HOSTED.get(ref.name) if ref.kind not in CALLABLE else None
    return hosted[1] if hosted else full_name(ref.namespace, ref.name)
