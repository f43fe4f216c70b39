"""What does whoever looks at a stream see of it? Its events, one by one; what is in them is found only when it is asked for.

The data of most events is a JSON object.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.bytes.framing import SSE, Framing
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, patch

NO_FIELDS = Fields(b"{}", {})


class Event:
    """One frame of a stream, with its data and, where that is a JSON object, the object's fields and its `type`."""

    __slots__ = ("_data", "_fields", "_framing", "frame")

    def __init__(self, frame: bytes, framing: Framing = SSE) -> None:
        self.frame = frame
        self._framing = framing
        self._data: bytes | None = None
        self._fields: Fields | None = None

    @classmethod
    def of(cls, data: bytes, name: bytes = b"", framing: Framing = SSE) -> Event:
        """The event with that data, perhaps under a name."""
        return cls(framing.frame_of(data, name), framing)

    @property
    def data(self) -> bytes:
        """Its data; nothing for a comment."""
        if self._data is None:
            self._data = self._framing.data_of(self.frame) or b""
        return self._data

    @property
    def fields(self) -> Fields:
        """The fields of the JSON object that its data is; none if it is anything else."""
        if self._fields is None:
            try:
                self._fields = told_fields(self.data)
            except InvalidJson:
                self._fields = NO_FIELDS
        return self._fields

    @property
    def kind(self) -> str:
        """Its `type`, as most formats but chat's chunks have it; "" without."""
        return (self.fields.raw("type") or b"").strip(b'"').decode("utf-8", "replace")

    def changed(self, changes: Mapping[str, bytes | None]) -> Event:
        """The event with some fields set (JSON text) or removed (None); all other bytes stay, where its data is one line."""
        return Event(self._framing.with_data(self.frame, self.data, patch(self.fields, changes)), self._framing)
