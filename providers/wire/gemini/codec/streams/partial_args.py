"""How are the arguments of a call put together that come in pieces?

Format: google-genai 3.6.1, `FunctionCall.partialArgs` (Vertex, with `streamFunctionCallArguments`): each has a path in JSON
(`$.a.b[0]`, RFC 9535) and one value; a text goes on with the next piece of that path while `willContinue` is true. The pieces may
come in any order, so that no JSON can be told before the last.
"""

from __future__ import annotations

import re
from typing import Any

from providers.canonical.extra import Json

STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")
MOST_ITEMS = 10_000
MOST_STEPS = 64


class PartialArgs:
    """The arguments of one call."""

    def __init__(self) -> None:
        self.value: Json = {}
        self._open: set[str] = set()
        """Paths of texts that go on."""

    def add(self, piece: Any) -> None:
        """Takes a piece; one that says nothing, or has no path, is passed over."""
        path = piece.get("jsonPath") if isinstance(piece, dict) else None
        steps = _steps(path) if isinstance(path, str) else []
        name = next((name for name in VALUES if name in piece), None) if steps else None
        if name is None or not isinstance(path, str):
            return
        said = None if name == "nullValue" else piece[name]
        _put(self.value, steps, said, goes_on=path in self._open)
        self._open.discard(path)
        if piece.get("willContinue") is True:
            self._open.add(path)


def _steps(path: str) -> list[str | int]:
    """The names and numbers of a path, none of one that cannot be read."""
    made: list[str | int] = []
    position = 1
    while position < len(path) and len(made) < MOST_STEPS and (found := STEP.match(path, position)):
        name, number, single, double = found.groups()
        made.append(int(number) if number else name or single or double or "")
        position = found.end()
    return made if path.startswith("$") and position == len(path) and made and isinstance(made[0], str) else []


def _put(value: Any, steps: list[str | int], said: Any, *, goes_on: bool) -> None:
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if not _has_place(value, step):
            return
        if following is None:
            before = value[step]
            value[step] = before + said if goes_on and isinstance(before, str) and isinstance(said, str) else said
        elif not isinstance(value[step], list if isinstance(following, int) else dict):
            value[step] = [] if isinstance(following, int) else {}
        value = value[step]


def _has_place(value: Any, step: str | int) -> bool:
    """Whether a value has that place, which is made if it can be."""
    if isinstance(value, dict) and isinstance(step, str):
        value.setdefault(step, None)
        return True
    if not isinstance(value, list) or not isinstance(step, int) or step >= MOST_ITEMS:
        return False
    value += [None] * (step + 1 - len(value))
    return True
