"""Which turns are the messages of a request, and its system?

Format: Anthropic's reference of October 2026, `messages` and `system`. Results of tools stand in messages of the user. What the
format refuses is not refused here, where nothing may come of it, but by whoever has to tell it in another wire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Block, Opaque, Role, SettingsChange, Text, ToolsChange, Turn
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left
from providers.canonical.tools import FunctionTool, HostedTool, OpaqueTool, Tool
from providers.wire.anthropic_messages.codec.block_json import content_json
from providers.wire.anthropic_messages.codec.blocks import block_of, content_of
from providers.wire.anthropic_messages.codec.media import CACHE, mark_json, mark_of
from providers.wire.anthropic_messages.codec.requests.settings import config_json, output_of, thinking_of
from providers.wire.anthropic_messages.codec.requests.tools import tool_of
from providers.wire.anthropic_messages.codec.words import WIRE, own

ROLES: Mapping[Any, Role] = MappingProxyType({"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM})
NO_CONTENT = "The content must be a text or a list of blocks."
CHANGES = ("tool_addition", "tool_removal")
MESSAGE, CONFIG = "message", "output_config"
SYSTEM: Place = ("system",)
BILLING = "x-anthropic-billing-header"
NEVER = {"clear_at": "never"}
"""The default."""


class Turns:
    """Reads the messages of one request, which may name its `tools`."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        kinds = FunctionTool | HostedTool | OpaqueTool
        self._tools = {tool.name: tool for tool in tools if isinstance(tool, kinds)}

    def of(self, message: Any, place: Place) -> Turn:
        if not isinstance(message, dict):
            return _opaque({"value": message}, Need("A message must be an object.", place), place, bare=True)
        role = ROLES.get(message.get("role")) if isinstance(message.get("role"), str) else None
        if role is None:
            text = f"The role {message.get('role')!r} is none of {', '.join(ROLES)}."
            return _opaque(message, Need(text, (*place, "role")), place)
        content = message.get("content")
        if len(message) == 2 and content is not None:  # so it is with most
            blocks = self._content(content, (*place, "content"))
            if blocks is not None:
                extra = own.extra_of({}, spelled={"parts": True}) if content == [] else None
                return Turn(role=role, blocks=blocks, place=place, extra=extra)
        return self._turn(dict(message), role, place)

    def _turn(self, rest: Json, role: Role, place: Place) -> Turn:
        del rest["role"]
        needs: list[Need] = []
        content = rest.get("content")
        blocks = None if content is None else self._content(content, (*place, "content"))
        if blocks is not None:
            del rest["content"]
        elif content is not None or role is not Role.SYSTEM:
            needs.append(Need(NO_CONTENT, (*place, "content")))
        blocks = blocks or ()
        cache, config = mark_of(rest, place), rest.get(CONFIG)
        if type(config) is dict:
            blocks = (*blocks, _change(dict(rest.pop(CONFIG)), (*place, CONFIG)))
        lost = tuple(name for name in left(rest, silent=("content",)) if NEVER.get(name) != rest[name])
        extra = own.extra_of(rest, lost, needs, {"parts": True} if content == [] else {})
        return Turn(role=role, blocks=blocks, cache=cache, place=place, extra=extra)

    def _content(self, content: Any, place: Place) -> tuple[Block, ...] | None:
        if type(content) is not list:
            return content_of(content, place)
        return tuple(self._block(value, (*place, number)) for number, value in enumerate(content))

    def _block(self, value: Any, place: Place) -> Block:
        kind = value.get("type") if isinstance(value, dict) else None
        made = self._tools_change(value, kind, place) if kind in CHANGES else None
        return block_of(value, place) if made is None else made

    def _tools_change(self, value: Json, kind: str, place: Place) -> ToolsChange | None:
        """Tools that join or leave from here on; None for what only Anthropic can mean."""
        given = value.get("tool")
        inner = given if isinstance(given, dict) else {}
        rest = {name: said for name, said in value.items() if name != "type"}
        cache, name = mark_of(rest, place), inner.get("name")
        said: Json = {}
        if inner.get("type") == "tool_definition" and kind == CHANGES[0] and isinstance(inner.get("definition"), dict):
            tool = tool_of(inner["definition"], (*place, "tool", "definition"))
            self._tools |= {tool.name: tool} if isinstance(tool, FunctionTool | HostedTool | OpaqueTool) else {}
            said = {"added": (tool,)}
        elif inner.get("type") == "tool_reference" and isinstance(name, str):
            known = self._tools.get(name)
            said = {"removed": (name,)} if kind == CHANGES[1] else {"added": () if known is None else (known,)}
        return ToolsChange(**said, called=kind, place=place, cache=cache, extra=own.extra_of(rest)) if said else None


def _change(config: Json, place: Place) -> SettingsChange:
    thinking = thinking_of(None, config)
    return SettingsChange(thinking, output_of(config), called=CONFIG, place=place)


def _opaque(value: Json, need: Need, place: Place, *, bare: bool = False) -> Turn:
    extra = own.extra_of({}, spelled={"bare": True}) if bare else None
    block = Opaque(WIRE, value, need, called=MESSAGE, place=place, extra=extra)
    return Turn(role=Role.USER, blocks=(block,), called=MESSAGE, place=place)


def system_of(system: Any) -> tuple[Turn, ...] | None:
    """The system as one turn; None for what is neither a text nor a list of blocks."""
    blocks = content_of(system, SYSTEM)
    if blocks and len(blocks) > 1 and _is_billing(blocks[0]):
        blocks = (Opaque(WIRE, system[0], called=BILLING, place=blocks[0].place), *blocks[1:])
    return None if blocks is None else (Turn(role=Role.SYSTEM, blocks=blocks, place=SYSTEM),)


def _is_billing(block: Block) -> bool:
    """Whether a block is Claude Code's note for Anthropic's accounts. It differs with every request, so in front of another
    vendor's prompt it would keep all of that from being cached."""
    return isinstance(block, Text) and block.text.startswith(f"{BILLING}:")


# As they were


def message_json(turn: Turn) -> Any:
    """The message, as it was."""
    if turn.called == MESSAGE and len(turn.blocks) == 1 and isinstance(turn.blocks[0], Opaque):
        block = turn.blocks[0]
        return block.value["value"] if own.spelled(block.extra, "bare") else block.value
    made: Json = {"role": turn.role.value}
    blocks = [block for block in turn.blocks if not isinstance(block, SettingsChange)]
    if blocks or own.spelled(turn.extra, "parts"):
        made["content"] = content_json(blocks)
    for change in turn.blocks:
        if isinstance(change, SettingsChange):
            made[CONFIG] = config_json(change.thinking, change.output) or {}
    if turn.cache is not None:
        made[CACHE] = mark_json(turn.cache)
    return made if turn.extra is None else made | own.rest_of(turn.extra)
