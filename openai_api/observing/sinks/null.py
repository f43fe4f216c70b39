"""What if nobody wants the events? They are counted and forgotten: what it costs to make them can then be measured."""

from __future__ import annotations

from collections.abc import Sequence

from openai_api.observing.session_event import SessionEvent


class NullSink:
    """Forgets. `taken` counts."""

    name = "null"

    def __init__(self) -> None:
        self.taken = self.lost = 0

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        self.taken += len(events)

    def tick(self) -> None:
        pass

    def close(self) -> None:
        pass
