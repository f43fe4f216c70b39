"""Which turns are the messages of a chat request?

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`, `messages`. What the format refuses is not refused here,
where nothing may come of it, but by whoever has to tell it in another wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Block, Opaque, Role, ToolCall, ToolResult, Turn
from providers.canonical.extra import Extra, Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import CallKind
from providers.wire.openai_chat.codec.content import WHOLE_TEXT
from providers.wire.openai_chat.codec.leftovers import extra_of
from providers.wire.openai_chat.codec.messages import SILENT, assistant_blocks, content_blocks
from providers.wire.openai_chat.codec.words import WIRE

FUNCTION = "function"
"""The role of results in the time before tools."""
ROLES = ("system", "developer", "user", "assistant", "tool")
NO_CONTENT = "The content must be a text or a list of parts."


class Turns:
    """The messages of one request, one after the other: what a result is of is told by the call before it."""

    def __init__(self) -> None:
        self._kinds: dict[str, CallKind] = {}
        self._needs: list[Need] = []

    def of(self, message: Any, place: Place) -> Turn:
        if not isinstance(message, dict):
            return _opaque({"value": message}, place, Need("A message must be an object.", place), bare=True)
        role = message.get("role")
        read = READ.get(role) if isinstance(role, str) else None
        if read is None:
            need = Need(f"The role {role!r} is none of {', '.join(ROLES)}.", (*place, "role"))
            return _opaque(message, place, need)
        self._needs = []
        rest = {name: value for name, value in message.items() if name != "role"}
        return read(self, rest, place)

    def _said(self, role: Role, rest: Json, place: Place) -> Turn:
        blocks = content_blocks(rest, place, empty=True)
        if not blocks and not isinstance(rest.get("content"), list):
            self._odd((*place, "content"), NO_CONTENT)
        return self._turn(role, blocks, rest, place)

    def system(self, rest: Json, place: Place) -> Turn:
        return self._said(Role.SYSTEM, rest, place)

    def developer(self, rest: Json, place: Place) -> Turn:
        return self._said(Role.DEVELOPER, rest, place)

    def user(self, rest: Json, place: Place) -> Turn:
        return self._said(Role.USER, rest, place)

    def assistant(self, rest: Json, place: Place) -> Turn:
        blocks = assistant_blocks(rest, place, self._odd)
        self._kinds |= {block.call_id: block.kind for block in blocks if isinstance(block, ToolCall) and block.call_id}
        return self._turn(Role.ASSISTANT, blocks, rest, place)

    def tool(self, rest: Json, place: Place) -> Turn:
        """What a tool gave back."""
        call_id = taken(rest, "tool_call_id", str)
        kind = self._kinds.get(call_id or "")
        if kind is None:
            told = rest.get("tool_call_id") if call_id is None else call_id
            self._odd((*place, "tool_call_id"), f"No tool call found for the output of {told!r}.")
        content = self._content(rest, place)
        result = ToolResult(content, call_id, kind or CallKind.FUNCTION, called="tool", place=place)
        return self._turn(Role.TOOL, (result,), rest, place)

    def function(self, rest: Json, place: Place) -> Turn:
        """What a function gave back, before there were tools; only chat can say it."""
        self._odd((*place, "role"), f"The role 'function' is none of {', '.join(ROLES)}.")
        content = self._content(rest, place)
        name = rest["name"] if type(rest.get("name")) is str else None
        result = ToolResult(content, None, name=name, called=FUNCTION, place=place)
        return self._turn(Role.TOOL, (result,), rest, place, called=FUNCTION)

    def _content(self, rest: Json, place: Place) -> tuple[Block, ...]:
        content = tuple(content_blocks(rest, place))
        if not content and rest.get("content"):
            self._odd((*place, "content"), NO_CONTENT)
        return content

    def _turn(self, role: Role, blocks: Any, rest: Json, place: Place, called: str = "") -> Turn:
        name = taken(rest, "name", str)
        extra: Extra | None = None
        if rest or self._needs:
            extra = extra_of(rest, left(rest, silent=SILENT | {WHOLE_TEXT}), self._needs)
        return Turn(role=role, blocks=tuple(blocks), called=called, name=name, place=place, extra=extra)

    def _odd(self, place: Place, message: str) -> None:
        self._needs.append(Need(message, place))


def _opaque(value: Json, place: Place, need: Need, *, bare: bool = False) -> Turn:
    extra = extra_of({}, spelled={"bare": bare})
    block = Opaque(WIRE, value, need, called="message", place=place, extra=extra)
    return Turn(role=Role.USER, blocks=(block,), called="message", place=place)


READ: Mapping[str, Callable[[Turns, Json, Place], Turn]] = MappingProxyType(
    {
        "system": Turns.system,
        "developer": Turns.developer,
        "user": Turns.user,
        "assistant": Turns.assistant,
        "tool": Turns.tool,
        FUNCTION: Turns.function,
    }
)
