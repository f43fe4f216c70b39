"""How is one tool call put together from the pieces of a chat stream, and what does it say?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from providers.bytes.patch import InvalidJson, fields_of
from providers.bytes.pieced_text import PiecedText
from providers.wire.openai_responses.tools import Json, Tools

BEGUN_INPUT = re.compile(r'\s*\{\s*"input"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
"""A custom tool's input that was cut off, or is not written as JSON has it."""
HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")
ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
Mint = Callable[[str], str]
"""Makes an id with that prefix."""


class ToolCall:
    """One call. Some upstreams repeat the id, the name or the whole arguments."""

    def __init__(self, tools: Tools, index: Any) -> None:
        self.item: Json | None = None
        self.index = index
        self.name = self.call_id = ""
        self._arguments = PiecedText()
        self._tools = tools

    @property
    def arguments(self) -> str:
        return str(self._arguments)

    @property
    def custom(self) -> bool:
        return self.name in self._tools.custom

    @property
    def search(self) -> bool:
        return self.name in self._tools.searches

    @property
    def told_in_pieces(self) -> bool:
        """Whether its arguments are told as they come. Those of other calls mean something only as a whole."""
        return not (self.custom or self.search)

    def more(self, arguments: Any) -> str:
        """What is new in a piece of the arguments, which a few upstreams send as an object."""
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
        if len(text) > 1 and self._repeats(text) and self.is_whole():
            return ""
        self._arguments.add(text)
        return text

    def is_whole(self) -> bool:
        """Whether no more arguments can follow."""
        if self._arguments.end != "}":  # so it is with most pieces, and all of them would be read again for each
            return False
        try:
            fields_of(self.arguments.encode())
        except InvalidJson:
            return False
        return True

    def goes_on(self, name: str, more: Any) -> bool:
        """Whether a piece without an id belongs to it, and does not begin another call."""
        if not name or not self.name:
            return True
        return name == self.name and (not more or self._repeats(more) or not self.is_whole())

    def _repeats(self, more: Any) -> bool:
        return isinstance(more, str) and len(more) == len(self._arguments) and more == self.arguments

    def begun(self, mint: Mint) -> Json:
        """The item, still without its arguments."""
        self.call_id = self.call_id or mint("call")
        namespace, name = self._tools.namespaces.get(self.name, (None, self.name))
        common = {"status": "in_progress", "call_id": self.call_id, "name": name}
        if self.search:
            common.pop("name")
            made: Json = {"id": mint("tsc"), "type": "tool_search_call", **common, "execution": "client", "arguments": {}}
        elif self.custom:
            made = {"id": mint("ctc"), "type": "custom_tool_call", **common, "input": ""}
        else:
            made = {"id": mint("fc"), "type": "function_call", **common, "arguments": ""}
        return made | ({"namespace": namespace} if namespace else {})

    def search_arguments(self) -> Any:
        """What is searched for: an object, or the text if the model did not keep the form."""
        try:
            return msgspec.json.decode(self.arguments or "{}")
        except (msgspec.DecodeError, RecursionError):
            return self.arguments

    def custom_input(self) -> str:
        """The input that stands in the arguments, perhaps cut off, or the arguments if the model did not keep the form."""
        arguments = self.arguments
        try:
            value = msgspec.json.decode(arguments)
        except (msgspec.DecodeError, RecursionError):
            begun = BEGUN_INPUT.match(arguments)
            return _unescaped(begun[1]) if begun else arguments
        if not isinstance(value, dict) or "input" not in value:
            return arguments
        made = value["input"]
        return made if isinstance(made, str) else msgspec.json.encode(made).decode()


def _unescaped(text: str) -> str:
    """The text of a string; a backslash that begins no escape stands for itself, half an escape at the end is left out."""
    text = ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", HALF_ESCAPE.sub("", text))
    made: str = json.loads(f'"{text}"', strict=False)
    return made.encode("utf-8", "ignore").decode()
