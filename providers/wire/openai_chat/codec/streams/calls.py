"""Which call does a piece of a stream belong to, and what is new in it?

By the format, the first piece of a call has its id and name, and all have its index. Some upstreams count from one, or not at
all, or give two calls one number or one id, or each piece an id of its own, and repeat the id, the name or the whole arguments.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.patch import InvalidJson, fields_of
from providers.bytes.pieced_text import PiecedText
from providers.canonical.tools import CallKind


class Call:
    """One call on its way. `block` is its number, None of one that is not told: it has no name yet, or may not be called."""

    def __init__(self, index: Any) -> None:
        self.index = index
        self.name = self.call_id = ""
        self.kind = CallKind.FUNCTION
        self.block: int | None = None
        self._arguments = PiecedText()

    @property
    def arguments(self) -> str:
        return str(self._arguments)

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


class Calls:
    """The calls of one choice."""

    def __init__(self) -> None:
        self.all: list[Call] = []
        self._by_id: dict[str, Call] = {}
        self._by_index: dict[Any, Call] = {}

    def of(self, call_id: str, index: Any, name: str, arguments: Any) -> Call:
        """The call that a piece belongs to, which is a new one if it fits none."""
        call = self._known(call_id, index, name, arguments)
        if call is None:
            call_id = "" if call_id in self._by_id else call_id
            call = self._by_index[index] = Call(index)
            self.all.append(call)
        call.call_id = call.call_id or call_id
        call.name = call.name or name
        if call.call_id:
            self._by_id[call.call_id] = call
        return call

    def _known(self, call_id: str, index: Any, name: str, more: Any) -> Call | None:
        if call_id in self._by_id:
            call = self._by_id[call_id]
            apart = name and None not in (index, call.index) and index != call.index
            return None if apart or not call.goes_on(name, more) else call
        placed = None if index is None else self._by_index.get(index)
        if not self.all or (call_id and not placed):
            return None
        call = placed or self.all[-1]
        if name:
            fits = bool(placed or index is None) and not (call_id and call.call_id)
            return call if fits and (call_id or call.goes_on(name, more)) else None
        stays = index is None or (bool(placed) and not (call_id and call.call_id))
        return call if stays or not call.is_whole() else None
