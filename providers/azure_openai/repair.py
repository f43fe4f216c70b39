"""Which chunks of Azure's streams are odd, and how do clients that look at `choices[0].delta` live with them?

The first chunk tells of the prompt's filter alone: `choices` is empty, `id`, `model` and `object` are "". With the
asynchronous filter, later ones tell of `content_filter_offsets` and have no `delta`. What they say is kept: the former on
the first chunk with content, the latter beside an empty delta. All other chunks pass as they are.
"""

from __future__ import annotations

import msgspec

from providers.bytes import sse
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, fields_of, patch

IDENTITY = ("id", "object", "created")
USUAL = frozenset({*IDENTITY, "model", "choices", "usage", "system_fingerprint", "service_tier"})
FILTER = b'filter_results"'
_choices = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ChunkRepair:
    """One stream. `content` is the field that every choice should have, `empty` (JSON text) what stands in it for nothing."""

    def __init__(self, content: str, empty: bytes) -> None:
        self._content, self._empty = content, empty
        self._needle = b'"%b"' % content.encode()
        self._identity: dict[str, bytes | None] = {}
        self._held: dict[str, bytes | None] = {}

    def __call__(self, frame: bytes) -> bytes:
        usual = self._needle in frame
        if self._identity if usual else FILTER not in frame:
            return frame
        try:
            fields = told_fields(sse.data_of(frame) or b"")
            choices = _choices(fields.raw("choices") or b"null")
        except (InvalidJson, msgspec.DecodeError):
            return frame  # the end, an error, a comment
        if usual:
            return self._first(frame, fields)
        if choices:
            return self._annotation(fields, choices)
        if fields.raw("usage") not in (None, b"null"):
            return frame
        self._held |= {name: fields.raw(name) for name in fields.spans if name not in USUAL}
        return b""

    def _first(self, frame: bytes, fields: Fields) -> bytes:
        self._identity = {name: fields.raw(name) for name in IDENTITY if name in fields.spans}
        held, self._held = self._held, {}
        return sse.frame_of(patch(fields, held)) if held else frame

    def _annotation(self, fields: Fields, choices: list[msgspec.Raw]) -> bytes:
        made = [fields_of(bytes(choice)) for choice in choices]
        whole = [patch(choice, {} if self._content in choice.spans else {self._content: self._empty}) for choice in made]
        return sse.frame_of(patch(fields, {**self._identity, "choices": b"[%b]" % b",".join(whole)}))
