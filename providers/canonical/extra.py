"""Where in the client's JSON did a value stand, and what did it say there that the canonical form has no word for?"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.types import Wire

Json = dict[str, Any]
Place = tuple[str | int, ...]
"""The way from the top of the client's JSON to a value: `("messages", 3, "content", 1)`. Made for every block, and only put into
words when something is lost or refused."""


class Value(msgspec.Struct, frozen=True, gc=False):
    """A canonical value. Five times as cheap to make as a frozen dataclass; the collector need not look at it, because what never
    changes cannot come to hold itself."""


class Need(Value, frozen=True, gc=False):
    """Why a request cannot be told in another wire without what stands at `place`: a 400 with this message and code."""

    message: str
    place: Place
    code: str = "invalid_value"


class Extra(Value, frozen=True, gc=False):
    """What a value said in its own wire beyond the canonical fields, and how it spelled what can be spelled in two ways.

    `fields` has any layout that suits the codec of `wire`, which alone reads it. `lost` are the names, relative to the value's
    place, of those that say something and that any other wire loses; what says nothing (a null, a default) is not in it.
    """

    wire: Wire
    fields: Json
    lost: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


def exact(place: Place) -> str:
    """`messages[3].content[1]`: the one value, for an error's `param`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def pattern(place: Place) -> str:
    """`messages[].content[]`: all values of the kind, for a header that names each thing once."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")
