"""How is a stream of Gemini's relayed? As it came, but for the model's name; it ends with its body.

Format: `streamGenerateContent?alt=sse` (google-genai 3.6.1): frames of `data:` without names, each a whole
`GenerateContentResponse`. The last one says why it stops and what was used; some older upstreams say so in every one.
"""

from __future__ import annotations

import re

import msgspec

from providers.bytes import sse
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, patch
from providers.bytes.sse import Frames
from providers.errors import Failure
from providers.wire.gemini.errors import error_body
from providers.wire.gemini.usage import usage_of
from providers.wire.openai.good_answer import error_in, failure_in_event
from providers.wire.openai.relay import FrameRelay

MODEL = "modelVersion"
STOP = re.compile(
    rb'"(?:finishReason|finish_reason|blockReason|block_reason)"\s*:\s*"(?!FINISH_REASON_UNSPECIFIED|BLOCKED_REASON_UNSPECIFIED)'
)
"""In valid JSON these bytes are a field: in a string its quotes would be escaped."""


class GeminiRelay(FrameRelay):
    """One stream; `finished` once a candidate has said why it stops, or the prompt was blocked; `usage` is the last one told."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self._model = msgspec.json.encode(model)

    def broken(self, failure: Failure) -> Frames:
        """What ends the stream when it cannot go on; nothing follows."""
        return [sse.frame_of(error_body(failure))]

    def _frame(self, frame: bytes, out: Frames) -> None:
        data = sse.data_of(frame)
        if data is None or not data.strip():
            out += sse.without_data(frame)
            return
        try:
            fields = told_fields(data)
        except InvalidJson:
            self._not_json(frame, out)
            return
        if sse.names_error(frame):
            self.error = failure_in_event(data)
        elif "candidates" not in fields.spans or "error" in fields.spans:
            self.error = error_in(fields)
        if self.error is None:
            self._chunk(frame, data, fields, out)

    def _chunk(self, frame: bytes, data: bytes, fields: Fields, out: Frames) -> None:
        self.events += 1
        self.usage = usage_of(fields) or self.usage
        if not self.finished and STOP.search(data) is not None:
            self.finished = True
        raw = fields.raw(MODEL)
        same = raw is None or raw == self._model
        out.append(frame if same else sse.with_data(frame, data, patch(fields, {MODEL: self._model})))

    def _is_whole(self, frame: bytes) -> bool:
        """Whether the frame lacks only its blank line; half a chunk is none."""
        data = sse.data_of(frame)
        try:
            return data is None or bool(told_fields(data))
        except InvalidJson:
            return False
