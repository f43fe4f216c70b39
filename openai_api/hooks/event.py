"""What does a streaming hook see of an event, and how does it make another one?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from providers.bytes.event import Event
from providers.bytes.framing import SSE, Framing
from providers.types import Wire


class StreamEvent:
    """One event of a stream. It is a value: `changed`, `with_data` and `made` give new ones, the rest of whose bytes stays."""

    __slots__ = ("event", "framing", "wire")

    def __init__(self, event: Event, wire: Wire, framing: Framing = SSE) -> None:
        self.event = event
        self.wire = wire
        self.framing = framing

    @property
    def data(self) -> bytes:
        """Its data, mostly JSON."""
        return self.event.data

    @property
    def kind(self) -> str:
        """Its `type`, in formats whose events have one (Messages, Responses); "" in others."""
        return self.event.kind

    @property
    def body(self) -> Any:
        """The JSON value of its data, made anew each time; None if it is none."""
        try:
            return msgspec.json.decode(self.event.data)
        except msgspec.DecodeError:
            return None

    def changed(self, **fields: Any) -> StreamEvent:
        """The event with some top-level fields set; all other bytes stay as they are."""
        changes: Mapping[str, bytes | None] = {name: msgspec.json.encode(value) for name, value in fields.items()}
        return StreamEvent(self.event.changed(changes), self.wire, self.framing)

    def with_data(self, data: bytes) -> StreamEvent:
        """The event with other data, under its own name."""
        frame = self.framing.with_data(self.event.frame, self.event.data, data)
        return StreamEvent(Event(frame, self.framing), self.wire, self.framing)

    def made(self, body: Any, name: str = "") -> StreamEvent:
        """Another event of the same stream, with that JSON value. Where events have names (Messages, Responses), the name is the
        value's `type` unless one is given."""
        if not name and self.kind and isinstance(body, dict):
            name = str(body.get("type", ""))
        return StreamEvent(Event.of(msgspec.json.encode(body), name.encode(), self.framing), self.wire, self.framing)
