"""Why does an answer stop, in Ollama's words?

Format: Ollama of August 2026, `llm.DoneReason` and `server/routes.go`: stop, length, load, unload. An answer that has called
a tool stops with "stop".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.answer import Stop, StopReason
from providers.canonical.extra import Place

REASONS: Mapping[str, StopReason] = MappingProxyType({"": StopReason.END, "stop": StopReason.END, "length": StopReason.LENGTH})
TOLD: Mapping[StopReason, str] = MappingProxyType({StopReason.LENGTH: "length", StopReason.CONTEXT: "length"})
"""Reasons of any wire; all others are a stop like any other."""
EXACT = frozenset({StopReason.END, StopReason.SEQUENCE, StopReason.LENGTH, StopReason.CONTEXT, StopReason.CALLS})


def stop_of(reason: str, *, called: bool, place: Place = ()) -> Stop:
    """The stop; an answer that has `called` a tool stops for that."""
    found = REASONS.get(reason, StopReason.OTHER)
    return Stop(reason=StopReason.CALLS if called and found is StopReason.END else found, called=reason, place=place)


def reason_of(stop: Stop | None) -> str:
    """The `done_reason` of another wire's stop."""
    return TOLD.get(stop.reason, "stop") if stop is not None else "stop"
