"""Which tools is Bedrock told of, and which of them must be called, where a request came in another wire?

Converse has functions only, and no word for "none"; and it refuses a conversation with calls in it without tools.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from providers.canonical.blocks import ToolsChange
from providers.canonical.extra import Json, exact
from providers.canonical.functions import NO_PARAMETERS, Sent, full_name, functions_of
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.tools import CacheMark, CallKind, ChoiceMode, SentTools, Tool, ToolChoice, ToolRef
from providers.errors import Unsupported

Mark = Callable[[CacheMark | None], list[Json]]
MOST = 64
"""Characters of a name and of an id."""
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
NOT_IN_NAMES, NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]"), re.compile(r"[^a-zA-Z0-9_.:-]")
CALLABLE = frozenset({CallKind.FUNCTION.value, CallKind.CUSTOM.value})
FORMER = "A tool of the conversation so far, which is not available any more."


def name_of(name: str) -> str:
    """A name that Converse allows: the same, or one that is told apart by a hash."""
    return name if NAME.fullmatch(name) else _hashed(name, NOT_IN_NAMES)


def id_of(call_id: str) -> str:
    """As `name_of`, for the id of a call."""
    return call_id if ID.fullmatch(call_id) else _hashed(call_id, NOT_IN_IDS)


def _hashed(text: str, others: re.Pattern[str]) -> str:
    return f"{others.sub('_', text)[: MOST - 17]}_{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def tools_sent(
    request: Request, changes: Sequence[ToolsChange], called: Sequence[str], mark: Mark, losses: Losses
) -> tuple[Json, SentTools]:
    """`toolConfig`, and what calls mean. `called` are the names of the calls there are, `mark` makes what follows a tool that is
    marked. Raises 400 `Unsupported`."""
    made = _Made()
    for tool in request.tools or ():
        made.add(tool)
        if tool.cache is not None and not mark(tool.cache):
            losses.field(tool, "cache")
    for change in changes:  # a tool that comes again counts as it came last
        for tool in change.added:
            made.add(tool, again=True)
        for name in change.removed:
            made.tools.pop(name_of(name), None)
    choice = request.choice or ToolChoice()
    allowed = _allowed(made, choice)
    names = [name for name in made.tools if allowed is None or name in allowed]
    if not names or (choice.mode is ChoiceMode.NONE and not called):
        _none(request, choice, names, losses)
        former = dict.fromkeys(name_of(name) for name in called)
        specs = [{"toolSpec": _spec(made.tools.get(name) or Sent(name, FORMER, NO_PARAMETERS))} for name in former]
        return ({"toolConfig": {"tools": specs}} if specs else {}), SentTools(made.refs, frozenset())
    config: Json = {"tools": [value for name in names for value in _told(made.tools[name], mark)]}
    if (word := _choice(request, choice, losses)) is not None:
        config["toolChoice"] = word
    if choice.mode is ChoiceMode.NONE:
        allowed = frozenset()
    return {"toolConfig": config}, SentTools(made.refs, allowed)


def _none(request: Request, choice: ToolChoice, names: Sequence[str], losses: Losses) -> None:
    """Names a choice that means nothing, as there is nothing to choose from."""
    if not names and (choice.forced is not None or choice.allowed is not None or choice.mode is ChoiceMode.REQUIRED):
        losses.field(request, "choice")


def _allowed(made: _Made, choice: ToolChoice) -> frozenset[str] | None:
    if choice.allowed is None:
        return None
    names = {full_name(ref.namespace, ref.name) for ref in choice.allowed}
    inside = {name: ref.namespace for name, ref in made.refs.items() if ref.namespace}
    known = {name_of(name) for name in names}
    if unknown := {name for name in names if name_of(name) not in made.tools and name not in inside.values()}:
        place = exact((*choice.place, "tools"))
        raise Unsupported(400, f"There is no tool {min(unknown)!r}.", code="invalid_value", param=place)
    return frozenset(known | {name for name, namespace in inside.items() if namespace in names})


def _choice(request: Request, choice: ToolChoice, losses: Losses) -> Json | None:
    if choice.forced is not None:
        if choice.forced.kind not in CALLABLE:
            losses.field(request, "choice")
            return None
        return {"tool": {"name": name_of(full_name(choice.forced.namespace, choice.forced.name))}}
    if choice.mode is ChoiceMode.REQUIRED:
        return {"any": {}}
    if choice.mode is not ChoiceMode.AUTO:  # calls that come although there shall be none are left out of the answer
        losses.field(request, "choice")
    return {"auto": {}} if request.choice is not None and choice.mode is not ChoiceMode.NONE else None


def _told(sent: Sent, mark: Mark) -> list[Json]:
    return [{"toolSpec": _spec(sent)}, *mark(sent.cache)]


def _spec(sent: Sent) -> Json:
    made: Json = {"name": name_of(sent.name)}
    if sent.description:  # an empty one is refused
        made["description"] = sent.description
    made["inputSchema"] = {"json": {"type": "object", **sent.parameters}}
    return made if sent.strict is None else made | {"strict": sent.strict}


class _Made:
    """The functions, by their names upstream, and what their calls mean where that is another thing."""

    def __init__(self) -> None:
        self.tools: dict[str, Sent] = {}
        self.refs: dict[str, ToolRef] = {}

    def add(self, tool: Tool, *, again: bool = False) -> None:
        for sent in functions_of(tool):
            name = name_of(sent.name)
            if name in self.tools and not again:
                message = f"This model's provider would know two tools as {name!r}."
                raise Unsupported(400, message, code="invalid_value", param=exact((*tool.place, "name")))
            self.tools[name] = sent
            self.refs.pop(name, None)
            if sent.ref is not None or name != sent.name:
                self.refs[name] = sent.ref or ToolRef(sent.name)
