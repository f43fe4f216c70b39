"""Which texts have the events of a stream told so far, and where do its closing events repeat them?

The decoder takes out of closing events what is the sum of the pieces; who writes them again puts in the sum of the pieces that
were told, so that a tap which changes a piece changes what repeats it, too.
"""

from __future__ import annotations

from typing import Any

from providers.bytes.pieced_text import PiecedText
from providers.canonical.extra import Json

Key = tuple[Any, str, int]
"""Place of the item in the output, what the text is ("summary", "content", "arguments", "input"), and its number."""
TEXTS = ("text", "refusal")
WHOLE = ("arguments", "input")


class Sums:
    """The texts of one stream."""

    def __init__(self) -> None:
        self._texts: dict[Key, PiecedText] = {}

    def add(self, key: Key, text: str) -> None:
        """One more piece."""
        told = self._texts.get(key)
        if told is None:
            told = self._texts[key] = PiecedText()
        told.add(text)

    def text(self, key: Key) -> str | None:
        """The sum of the pieces, None if there were none."""
        told = self._texts.get(key)
        return None if told is None else str(told)

    def cut(self, value: Any, index: Any) -> tuple[Any, list[tuple[Key, str]]]:
        """An item, or a part of one, without the texts that are sums, and which these are, with the names of their fields."""
        if not isinstance(value, dict):
            return value, []
        found: list[tuple[Key, str]] = []
        made = dict(value)
        for name in WHOLE:
            if made.get(name) is not None and made[name] == self.text((index, name, 0)):
                del made[name]
                found.append(((index, name, 0), name))
        for name in ("summary", "content"):
            parts = made.get(name)
            if isinstance(parts, list):
                made[name] = [self._part(part, (index, name, number), found) for number, part in enumerate(parts)]
        return made, found

    def cut_part(self, part: Any, key: Key) -> tuple[Any, list[tuple[Key, str]]]:
        """As `cut`, of one part."""
        found: list[tuple[Key, str]] = []
        return self._part(part, key, found), found

    def _part(self, part: Any, key: Key, found: list[tuple[Key, str]]) -> Any:
        if not isinstance(part, dict):
            return part
        for name in TEXTS:
            if part.get(name) is not None and part[name] == self.text(key):
                found.append((key, name))
                return {other: said for other, said in part.items() if other != name}
        return part

    def fill(self, value: Json, found: list[tuple[Key, str]]) -> Json:
        """The item with the sums put in again."""
        made = {
            name: list(said) if name in ("summary", "content") and isinstance(said, list) else said
            for name, said in value.items()
        }
        for (index, what, number), name in found:
            text = self.text((index, what, number)) or ""
            if what in WHOLE:
                made[name] = text
            else:
                made[what][number] = {**made[what][number], name: text}
        return made
