"""How is a frame that came in this wire written again, when it has passed as events?"""

from __future__ import annotations

from collections.abc import Sequence

from providers.canonical.events import ArgumentsDelta, Beside, Event, ReasoningDelta, TextDelta
from providers.canonical.extra import Json


def own_frames(events: Sequence[Event], last: Beside) -> Sequence[Json]:
    """The frame that the events were, with the text that they have now; none if its text is gone."""
    left = last.extra.fields
    frame: Json = left["frame"]
    name = left.get("text")
    if name is None:
        return (frame,)
    told = [event.text for event in events if isinstance(event, TextDelta | ReasoningDelta | ArgumentsDelta)]
    if not told:
        return ()
    return ({**frame, "delta": {**frame["delta"], name: "".join(told)}},)
