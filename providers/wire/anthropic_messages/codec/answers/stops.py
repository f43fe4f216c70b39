"""Why does an answer stop, in the words of Messages?

Format: Anthropic's reference of October 2026, `stop_reason`, `stop_sequence`, `stop_details`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Stop, StopReason
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import left, taken
from providers.wire.anthropic_messages.codec.words import own

REASONS: Mapping[str, StopReason] = MappingProxyType(
    {
        "end_turn": StopReason.END,
        "stop_sequence": StopReason.SEQUENCE,
        "max_tokens": StopReason.LENGTH,
        "model_context_window_exceeded": StopReason.CONTEXT,
        "tool_use": StopReason.CALLS,
        "pause_turn": StopReason.PAUSE,
        "refusal": StopReason.REFUSAL,
        "compaction": StopReason.COMPACTED,
    }
)
TOLD: Mapping[StopReason, str] = MappingProxyType(
    {reason: name for name, reason in REASONS.items()}
    | {
        StopReason.FILTER: "refusal",
        StopReason.OTHER: "max_tokens",  # it is not all that was to be said
    }
)
"""Reasons of any wire; all others are an end like any other."""
END, CALLED, REFUSED, SEQUENCE = "end_turn", "tool_use", "refusal", "stop_sequence"
FIELDS = ("stop_reason", "stop_sequence", "stop_details")


def stop_in(said: Json, place: Place = ()) -> Stop | None:
    """Why it stops, taken out of a message, or of the delta of one; None if that is not said."""
    reason = taken(said, "stop_reason", str) if said.get("stop_reason") else None
    if reason is None:
        return None
    spelled: Json = {}
    sequence = taken(said, "stop_sequence", str)
    category = detail = None
    given = said.get("stop_details")
    if type(given) is dict:
        inner = {**said.pop("stop_details")}
        category, detail = taken(inner, "category", str), taken(inner, "explanation", str)
        spelled["details"] = inner
    lost = left(spelled.get("details", {}), of="stop_details.", silent=("type",))
    known = REASONS.get(reason, StopReason.OTHER)
    extra = own.extra_of({}, lost, spelled=spelled)
    return Stop(reason=known, called=reason, sequence=sequence, category=category, detail=detail, place=place, extra=extra)


def own_stop(stop: Stop | None) -> Json:
    """The fields, as they were."""
    if stop is None:
        return {}
    made: Json = {"stop_reason": stop.called}
    if stop.sequence is not None:
        made["stop_sequence"] = stop.sequence
    details = own.spelled(stop.extra, "details")
    said = {"category": stop.category, "explanation": stop.detail}
    told = {name: value for name, value in said.items() if value is not None}
    return made | ({"stop_details": told | (details or {})} if told or details is not None else {})


def told_stop(stop: Stop | None, *, called: bool, refused: bool) -> dict[str, Any]:
    """The fields, of another wire's reason. An answer that has `called` stops for that unless it was cut off; one that has only
    `refused` is a refusal, of which other wires tell no category."""
    reason = TOLD.get(stop.reason, END) if stop is not None else END
    if reason == END and stop is not None and stop.sequence is not None:
        reason = SEQUENCE
    if reason in (END, SEQUENCE) and called:
        reason = CALLED
    if reason in (END, CALLED) and refused and not called:
        reason = REFUSED
    sequence = stop.sequence if stop and reason == SEQUENCE else None
    made: dict[str, Any] = {"stop_reason": reason, "stop_sequence": sequence, "stop_details": None}
    if reason == REFUSED:
        detail = stop.detail if stop is not None else None
        made["stop_details"] = {"type": REFUSED, "category": None, "explanation": detail}
    return made
