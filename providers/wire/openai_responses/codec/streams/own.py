"""How is a frame that came in this wire written again, when it has passed as events?"""

from __future__ import annotations

from collections.abc import Sequence

from providers.canonical.events import ArgumentsDelta, Beside, Event, ReasoningDelta, TextDelta
from providers.canonical.extra import Json
from providers.wire.openai_responses.codec.streams.leftovers import frame_again
from providers.wire.openai_responses.codec.streams.sums import Sums

DELTAS = {
    "response.output_text.delta": ("content", "content_index"),
    "response.refusal.delta": ("content", "content_index"),
    "response.reasoning_text.delta": ("content", "content_index"),
    "response.reasoning.delta": ("content", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
    "response.function_call_arguments.delta": ("arguments", ""),
    "response.custom_tool_call_input.delta": ("input", ""),
}


class OwnEvents:
    """The frames of one stream."""

    def __init__(self) -> None:
        self._sums = Sums()

    def frames(self, events: Sequence[Event], last: Beside) -> Sequence[Json]:
        """The frame that the events were, with the texts that they have now; none if its piece is gone."""
        left = last.extra.fields
        delta = None
        if left.get("delta"):
            told = [event.text for event in events if isinstance(event, TextDelta | ReasoningDelta | ArgumentsDelta)]
            delta = "".join(told) if told else None
            if delta is not None:
                frame = left["frame"]
                what, place = DELTAS[frame["type"]]
                key = (frame.get("output_index"), what, frame.get(place) or 0 if place else 0)
                self._sums.add(key, delta)
        made = frame_again(left, self._sums, delta)
        return () if made is None else (made,)
