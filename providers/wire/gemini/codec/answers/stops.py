"""Why does an answer stop, in Gemini's words?

Format: google-genai 3.6.1, `FinishReason`, and `BlockedReason` of a prompt that was not answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Stop, StopReason
from providers.canonical.extra import Json, Place

STOP, OTHER = "STOP", "OTHER"
UNTOLD = frozenset({"", "FINISH_REASON_UNSPECIFIED"})
"""What says no more than nothing."""
FILTERS = (
    "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER"
    " NO_IMAGE MODEL_ARMOR ESCALATION JAILBREAK"
)
MALFORMED = "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE"
REASONS: Mapping[str, StopReason] = MappingProxyType(
    {
        STOP: StopReason.END,
        "MAX_TOKENS": StopReason.LENGTH,
        "CONTINUATION": StopReason.PAUSE,
        **dict.fromkeys(FILTERS.split(), StopReason.FILTER),
        **dict.fromkeys(MALFORMED.split(), StopReason.MALFORMED),
    }
)
TOLD: Mapping[StopReason, str] = MappingProxyType(
    {
        StopReason.LENGTH: "MAX_TOKENS",
        StopReason.CONTEXT: "MAX_TOKENS",
        StopReason.REFUSAL: "SAFETY",
        StopReason.FILTER: "SAFETY",
        StopReason.MALFORMED: "MALFORMED_FUNCTION_CALL",
        StopReason.PAUSE: OTHER,  # CONTINUATION has a token, without which clients cannot go on
        StopReason.COMPACTED: OTHER,
        StopReason.CANCELLED: OTHER,
        StopReason.FAILED: OTHER,
        StopReason.OTHER: OTHER,
    }
)
"""Reasons of any wire; all others are an end like any other."""


def stop_of(reason: str, message: Any, place: Place, *, called: bool) -> Stop:
    """`called` says that a call was seen anywhere in the answer, which stops with STOP all the same."""
    kind = REASONS.get(reason, StopReason.OTHER)
    if called and kind is StopReason.END:
        kind = StopReason.CALLS
    return Stop(reason=kind, called=reason, detail=message if isinstance(message, str) and message else None, place=place)


def blocked(feedback: Any) -> Stop | None:
    """Why a prompt was not answered; None if nothing says so."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if not isinstance(reason, str) or not reason:
        return None
    message = feedback.get("blockReasonMessage")
    detail = message if isinstance(message, str) and message else None
    return Stop(reason=StopReason.FILTER, called=reason, detail=detail, place=("promptFeedback",))


def stop_json(stop: Stop | None) -> Json:
    """`finishReason`, with its message."""
    if stop is None:
        return {"finishReason": STOP}
    detail = {"finishMessage": stop.detail} if stop.detail else {}
    return {"finishReason": TOLD.get(stop.reason, STOP), **detail}
