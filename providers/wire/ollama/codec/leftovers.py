"""What has Ollama left of a value for itself alone, and how had it spelled that?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from providers.canonical import leftovers
from providers.canonical.extra import Json
from providers.canonical.leftovers import Leftovers
from providers.wire.ollama.codec.words import WIRE

_own = Leftovers(WIRE)
extra_of, rest_of, spelled = _own.extra_of, _own.rest_of, _own.spelled
EMPTY: tuple[Any, ...] = ("", [], {})
"""What stands for nothing in Ollama, whose fields have no other way to be absent."""


def left(rest: Json, *, of: str = "", silent: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of what says something, with `of` in front."""
    said = {name: value for name, value in rest.items() if not isinstance(value, str | list | dict) or value not in EMPTY}
    return leftovers.left(said, of=of, silent=silent)
