"""How are tokens told in an answer? Two counts beside the durations.

Format: Ollama of August 2026, `api/types.go`, `Metrics`.
"""

from __future__ import annotations

from providers.canonical.answer import Used
from providers.canonical.extra import Extra, Json
from providers.types import Usage
from providers.wire.ollama.codec.leftovers import spelled
from providers.wire.ollama.codec.words import WIRE
from providers.wire.ollama.usage import INPUT, OUTPUT, counted


def used_in(rest: Json) -> Used | None:
    """What was used, taken out of the rest; None if nothing is counted."""
    told = {name: counted(rest.get(name)) for name in (INPUT, OUTPUT)}
    if all(count is None for count in told.values()):
        return None
    absent = [name for name, count in told.items() if count is None]
    for name in told.keys() - set(absent):
        del rest[name]
    tokens = Usage(told[INPUT] or 0, told[OUTPUT] or 0)
    return Used(tokens=tokens, extra=Extra(WIRE, {"absent": absent}) if absent else None)


def counts_json(used: Used) -> Json:
    """The counts."""
    made = {INPUT: used.tokens.input_tokens, OUTPUT: used.tokens.output_tokens}
    absent = spelled(used.extra, "absent") or ()
    return {name: count for name, count in made.items() if count or name not in absent}
