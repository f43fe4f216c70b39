"""Why does an answer stop, in chat's words?

Format: OpenAI's OpenAPI document of November 2026, `finish_reason`; `error` is OpenRouter's and vLLM's,
`insufficient_system_resource` DeepSeek's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.answer import Stop, StopReason
from providers.canonical.extra import Place

REASONS: Mapping[str, StopReason] = MappingProxyType(
    {
        "stop": StopReason.END,
        "length": StopReason.LENGTH,
        "tool_calls": StopReason.CALLS,
        "function_call": StopReason.CALLS,
        "content_filter": StopReason.FILTER,
        "error": StopReason.FAILED,
        "insufficient_system_resource": StopReason.FAILED,
    }
)
TOLD: Mapping[StopReason, str] = MappingProxyType(
    {
        StopReason.LENGTH: "length",
        StopReason.CONTEXT: "length",
        StopReason.CALLS: "tool_calls",
        StopReason.REFUSAL: "content_filter",
        StopReason.FILTER: "content_filter",
        StopReason.OTHER: "length",  # it is not all that was to be said
    }
)
"""Reasons of any wire; all others are an end like any other."""


def stop_of(reason: str, place: Place = ()) -> Stop:
    return Stop(reason=REASONS.get(reason, StopReason.OTHER), called=reason, place=place)


def reason_of(stop: Stop | None, *, own: bool, called: bool) -> str:
    """The `finish_reason`. In chat, an answer that has `called` stops for that, unless it was cut off."""
    if own and stop is not None and stop.called:
        return stop.called
    told = TOLD.get(stop.reason, "stop") if stop is not None else "stop"
    return "tool_calls" if called and told == "stop" else told
