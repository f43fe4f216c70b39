"""What does a request of Gemini's format ask? Its fields, one by one, as those of a canonical request.

Format: google-genai 3.6.1, `GenerateContentConfig` as its REST form has it. A field that has not the type which the format gives
it is not refused here, but by whoever has to tell it in another wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import Block, Opaque, Role, ToolCall, ToolResult, Turn
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.request import Request
from providers.wire.gemini.codec.parts import part_block
from providers.wire.gemini.codec.requests.settings import Settings
from providers.wire.gemini.codec.requests.tools import choice_of, tools_of
from providers.wire.gemini.codec.spelling import camel, kept, listed, named
from providers.wire.gemini.codec.words import WIRE, WORDS

ROLES: Mapping[str, Role] = MappingProxyType(
    {"user": Role.USER, "model": Role.ASSISTANT, "function": Role.TOOL, "tool": Role.TOOL}
)
"""`function` is the older role of results, which some clients still write."""
NOT_PARTS = "The parts must be a list of parts."


def decode_request(body: Json) -> Request:
    """The request. Refuses nothing: what only Gemini can say is needed, or named, where it is told in another wire."""
    return _Reading(body).request()


class _Reading:
    """One request on its way: `rest` is what has not been read."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._rest = camel(body)
        self._needs: list[Need] = []
        self._lost: list[str] = []
        self._calls: list[tuple[str, str]] = []
        """Calls without an id whose results have not come: name, and the id that they are given."""

    def request(self) -> Request:
        rest = self._rest
        model = taken(rest, "model", str) or ""
        turns, system = self._turns(), self._system()
        settings = Settings(rest, self._needs, self._lost)
        groups = settings.groups()
        tools = tools_of(rest.pop("tools", None), self._needs)
        choice = choice_of(rest, self._needs, self._lost)
        if rest.get("cachedContent") is not None:
            self._needs.append(Need("This model's provider cannot read content that Gemini has cached.", ("cachedContent",)))
        lost = (*self._lost, *left(rest, silent=("cachedContent", "contents")))
        extra = kept(self._body, lost, tuple(self._needs))
        return Request(
            wire=WIRE, words=WORDS, model=model, system=system, turns=turns, tools=tools, choice=choice, **groups, extra=extra
        )

    def _need(self, message: str, *place: str | int) -> None:
        self._needs.append(Need(message, place))

    def _system(self) -> tuple[Turn, ...]:
        given = self._rest.pop("systemInstruction", None)
        if given is None:
            return ()
        place: Place = ("systemInstruction",)
        content = {"parts": [{"text": given}]} if isinstance(given, str) else given
        if not isinstance(content, dict):
            self._need("The field 'systemInstruction' must be a content.", *place)
            return ()
        rest = {name: value for name, value in content.items() if name not in ("role", "parts")}
        blocks = self._blocks(content.get("parts"), place)
        return (Turn(role=Role.SYSTEM, blocks=blocks, place=place, extra=named(left(rest))),) if blocks else ()

    def _turns(self) -> tuple[Turn, ...]:
        contents = listed(self._rest.get("contents"))
        if not isinstance(contents, list) or not contents:
            self._need("The field 'contents' must be a list of contents.", "contents")
            return ()
        return tuple(self._turn(content, ("contents", number)) for number, content in enumerate(contents))

    def _turn(self, content: Any, place: Place) -> Turn:
        if not isinstance(content, dict):
            return _opaque({"value": content}, place, "A content must be an object.")
        given = content.get("role")
        role = Role.USER if not given else ROLES.get(given) if isinstance(given, str) else None
        if role is None:
            return _opaque(content, place, f"The role {given!r} is none of user, model.")
        rest = {name: value for name, value in content.items() if name not in ("role", "parts")}
        blocks = self._blocks(content.get("parts"), place)
        return Turn(role=role, blocks=blocks, called=str(given or ""), place=place, extra=named(left(rest)))

    def _blocks(self, given: Any, place: Place) -> tuple[Block, ...]:
        parts = listed(given)
        if not isinstance(parts, list | None):
            self._need(NOT_PARTS, *place, "parts")
            return ()
        made = [part_block(part, (*place, "parts", number)) for number, part in enumerate(parts or ())]
        return tuple(map(self._named, made))

    def _named(self, block: Block) -> Block:
        """Calls and results that have no ids, with those that bring them together: a result is of the first call of its name."""
        if isinstance(block, ToolCall) and block.call_id is None:
            call_id = "call_" + "_".join(str(step) for step in block.place if isinstance(step, int))
            self._calls.append((block.name, call_id))
            return _with_id(block, call_id)
        if isinstance(block, ToolResult) and block.call_id is None:
            for number, (name, call_id) in enumerate(self._calls):
                if block.name in (None, name):
                    del self._calls[number]
                    return _with_id(block, call_id)
        return block


def _with_id(block: ToolCall | ToolResult, call_id: str) -> Block:
    return msgspec.structs.replace(block, call_id=call_id)


def _opaque(value: Json, place: Place, message: str) -> Turn:
    block = Opaque(WIRE, value, Need(message, place), called="content", place=place)
    return Turn(role=Role.USER, blocks=(block,), called="content", place=place)
