"""What is left of a JSON object of chat when the canonical fields have been taken out, and how does it come back?"""

from __future__ import annotations

from providers.canonical.leftovers import NOTHING, NUMBER, Leftovers, left, taken
from providers.wire.openai_chat.codec.words import WIRE

_own = Leftovers(WIRE)
extra_of, rest_of, spelled = _own.extra_of, _own.rest_of, _own.spelled
__all__ = ["NOTHING", "NUMBER", "extra_of", "left", "rest_of", "spelled", "taken"]
