"""Why did a model of Bedrock stop?

Format: `bedrock-runtime` of botocore 1.44.8, `StopReason`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.answer import Stop, StopReason
from providers.canonical.extra import Place

REASONS: Mapping[str, StopReason] = MappingProxyType(
    {
        "end_turn": StopReason.END,
        "tool_use": StopReason.CALLS,
        "max_tokens": StopReason.LENGTH,
        "stop_sequence": StopReason.SEQUENCE,
        "guardrail_intervened": StopReason.FILTER,
        "content_filtered": StopReason.FILTER,
        "malformed_model_output": StopReason.MALFORMED,
        "malformed_tool_use": StopReason.MALFORMED,
        "model_context_window_exceeded": StopReason.CONTEXT,
    }
)
WORDS: Mapping[StopReason, str] = MappingProxyType(
    {reason: word for word, reason in reversed(tuple(REASONS.items()))}
    | {StopReason.REFUSAL: "content_filtered", StopReason.FILTER: "content_filtered"}
)


def stop_of(word: str, place: Place = ()) -> Stop:
    return Stop(reason=REASONS.get(word, StopReason.OTHER), called=word, place=place)


def word_of(stop: Stop, *, own: bool) -> str:
    """What Bedrock calls the reason; its own word stays as it was."""
    return stop.called if own else WORDS.get(stop.reason, "end_turn")
