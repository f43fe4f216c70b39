"""What has chat left of a value for itself alone, and how had it spelled that?"""

from __future__ import annotations

from providers.canonical.leftovers import Leftovers
from providers.wire.openai_chat.codec.words import WIRE

_own = Leftovers(WIRE)
extra_of, rest_of, spelled = _own.extra_of, _own.rest_of, _own.spelled
