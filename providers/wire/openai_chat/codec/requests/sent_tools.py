"""How do the tools of another wire become functions, which all who speak chat have, and how are calls of them told apart?

A custom tool becomes a function whose one argument is its input; tools in a namespace get its name in front of theirs; a search
for tools that the client does itself becomes a function. What only an upstream of its own wire can run is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers.canonical.blocks import ToolsChange
from providers.canonical.extra import Json, exact
from providers.canonical.functions import Sent, full_name, functions_of
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import CallKind, ChoiceMode, SentTools, Tool, ToolChoice, ToolRef
from providers.errors import Unsupported

CALLABLE = frozenset({CallKind.FUNCTION.value, CallKind.CUSTOM.value})


def tools_sent(request: Request, changes: Sequence[ToolsChange], losses: Losses) -> tuple[Json, SentTools]:
    """Chat's `tools`, `tool_choice` and `parallel_tool_calls`, and what calls of them mean. Raises 400 `Unsupported`."""
    made = _Made()
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
        return {}, SentTools(made.refs, allowed)
    fields: Json = {"tools": tools}
    if request.parallel_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_calls
    if request.choice is not None:
        fields |= _choice(request, request.choice, losses)
    return fields, SentTools(made.refs, allowed)


def _choice(request: Request, choice: ToolChoice, losses: Losses) -> Json:
    if choice.forced is not None:
        if choice.forced.kind not in CALLABLE:
            losses.field(request, "choice")
            return {}
        name = full_name(choice.forced.namespace, choice.forced.name)
        return {"tool_choice": {"type": "function", "function": {"name": name}}}
    if choice.mode is ChoiceMode.VALIDATED:
        losses.field(request, "choice")
    return {"tool_choice": "auto" if choice.mode is ChoiceMode.VALIDATED else choice.mode.value}


class _Made:
    """The functions, by their names upstream, and what their calls mean where that is another thing."""

    def __init__(self) -> None:
        self.tools: dict[str, Json] = {}
        self.refs: dict[str, ToolRef] = {}
        self._names: set[str] = set()

    def add(self, tool: Tool, *, again: bool = False) -> None:
        for sent in functions_of(tool):
            name, ref = sent.name, sent.ref
            if name in self._names and not again:
                place = exact((*tool.place, "name"))
                message = f"This model's provider would know two tools as {name!r}."
                raise Unsupported(400, message, code="invalid_value", param=place)
            self._names.add(name)
            self.tools[name] = _function(sent, said=ref is None or ref.kind is CallKind.FUNCTION)
            self.refs.pop(name, None)
            if ref is not None:
                self.refs[name] = ref

    def allowed(self, choice: ToolChoice) -> frozenset[str]:
        """The names of those that may be called; a namespace stands for all that are in it."""
        names = {full_name(ref.namespace, ref.name) for ref in choice.allowed or ()}
        inside = {name: ref.namespace for name, ref in self.refs.items() if ref.namespace}
        unknown = names - self._names - set(inside.values())
        if unknown:
            place = exact((*choice.place, "tools"))
            raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
        return frozenset(names | {name for name, namespace in inside.items() if namespace in names})


def _function(sent: Sent, *, said: bool) -> Json:
    """The function. Whether one that stands for itself is strict is always said: the wires' defaults differ."""
    inner: Json = {"name": sent.name, "description": sent.description, "parameters": sent.parameters}
    return {"type": "function", "function": inner | ({"strict": bool(sent.strict)} if said else {})}
