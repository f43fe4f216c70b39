"""Which functions stand for the tools of another wire, and which of them may be called?

Ollama has functions alone, and no choice among them: those that may not be called are not sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers.canonical.blocks import ToolsChange
from providers.canonical.extra import Json, exact
from providers.canonical.functions import Sent, full_name, functions_of
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import ChoiceMode, FunctionTool, SentTools, ToolChoice, ToolRef
from providers.errors import Unsupported


def tools_sent(request: Request, changes: Sequence[ToolsChange], losses: Losses) -> tuple[Json, SentTools]:
    """The field `tools`, and what calls of them mean. Raises 400 `Unsupported`."""
    tools: dict[str, Json] = {}
    refs: dict[str, ToolRef] = {}
    for tool in (*(request.tools or ()), *(tool for change in changes for tool in change.added)):
        for sent in functions_of(tool):
            tools[sent.name] = _function(sent)
            refs.pop(sent.name, None)
            if sent.ref is not None:
                refs[sent.name] = sent.ref
        if isinstance(tool, FunctionTool) and tool.strict:  # nobody sees to it here
            losses.field(tool, "strict")
    for change in changes:
        for name in change.removed:
            tools.pop(name, None)
    allowed = _allowed(request, tools, refs, losses)
    made = [tool for name, tool in tools.items() if allowed is None or name in allowed]
    return ({"tools": made} if made else {}), SentTools(refs, allowed)


def _function(sent: Sent) -> Json:
    said = {"name": sent.name, "description": sent.description, "parameters": sent.parameters}
    return {"type": "function", "function": said}


def _allowed(request: Request, tools: Json, refs: dict[str, ToolRef], losses: Losses) -> frozenset[str] | None:
    """The names of those that may be called, None for all; that one must be called is named, for Ollama cannot be told."""
    choice = request.choice or ToolChoice()
    if choice.mode is ChoiceMode.NONE:
        return frozenset()
    if choice.mode is not ChoiceMode.AUTO:
        losses.field(request, "choice")
    if choice.forced is not None:
        name = full_name(choice.forced.namespace, choice.forced.name)
        return frozenset({name}) if name in tools else None
    if choice.allowed is None:
        return None
    names = {full_name(ref.namespace, ref.name) for ref in choice.allowed}
    inside = {name: ref.namespace for name, ref in refs.items() if ref.namespace}
    unknown = names - tools.keys() - set(inside.values())
    if unknown:
        place = exact((*choice.place, "tools"))
        raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
    return frozenset(names | {name for name, namespace in inside.items() if namespace in names})
