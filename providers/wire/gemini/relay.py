"""How is a stream of Gemini's relayed? As it came, but for the model's name; it ends with its body.

Format: `streamGenerateContent?alt=sse` (google-genai 3.6.1): frames of `data:` without names, each a whole
`GenerateContentResponse`. The last one says why it stops and what was used; some older upstreams say so in every one.

Most chunks are only searched for a few byte patterns. In valid JSON the bytes `"modelVersion": "x"` cannot stand inside a string
(its quotes would be escaped), so a single hit in a chunk without a call is the chunk's own field.
"""

from __future__ import annotations

import re

import msgspec

from providers.bytes import sse
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, patch
from providers.bytes.sse import Frames
from providers.errors import Failure
from providers.types import Usage
from providers.wire.gemini.errors import error_body
from providers.wire.gemini.usage import usage_of
from providers.wire.openai.good_answer import error_in, failure_in_event
from providers.wire.openai.relay import FrameRelay

MODEL = "modelVersion"
NEVER = b"\n\n\n"
"""Bytes that no frame holds."""
REMARKABLE = (b'"error"', b'"finishReason"', b'"functionCall"', b'"promptFeedback"', b'"partMetadata"', b'"toolCall"',
              b'"toolResponse"', b"\nevent", b"\revent")  # fmt: skip
"""What asks for a close look, as it says something or may hold anything."""
STOP = re.compile(
    rb'"(?:finishReason|finish_reason|blockReason|block_reason)"\s*:\s*"(?!FINISH_REASON_UNSPECIFIED|BLOCKED_REASON_UNSPECIFIED)'
)
"""In valid JSON these bytes are a field: in a string its quotes would be escaped."""


class GeminiRelay(FrameRelay):
    """One stream; `finished` once a candidate has said why it stops, or the prompt was blocked; `usage` is the last one told."""

    def __init__(self, model: str) -> None:
        self._usage: Usage | None = None
        super().__init__()
        self._model = msgspec.json.encode(model)
        self._needle = NEVER
        self._replacement = b""
        self._latest = b""
        """An unremarkable chunk whose usage has not been read."""

    @property
    def usage(self) -> Usage | None:
        """The last one told. Every chunk has one, and only the last counts."""
        latest, self._latest = self._latest, b""
        if latest and (data := sse.data_of(latest)) is not None:
            try:
                self._usage = usage_of(told_fields(data)) or self._usage
            except InvalidJson:
                return self._usage
        return self._usage

    @usage.setter
    def usage(self, usage: Usage | None) -> None:
        self._usage = usage

    def broken(self, failure: Failure) -> Frames:
        """What ends the stream when it cannot go on; nothing follows."""
        return [sse.frame_of(error_body(failure))]

    def _frame(self, frame: bytes, out: Frames) -> None:
        if frame.count(self._needle) == 1 and frame.startswith(b"data:") and not any(name in frame for name in REMARKABLE):
            self.events += 1
            self._latest = frame
            out.append(frame.replace(self._needle, self._replacement))
            return
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
        self._latest, self._usage = b"", usage_of(fields) or self.usage
        if not self.finished and STOP.search(data) is not None:
            self.finished = True
        raw = fields.raw(MODEL)
        if raw is None or raw == self._model:
            out.append(frame)
            return
        out.append(sse.with_data(frame, data, patch(fields, {MODEL: self._model})))
        key, start, stop = fields.spans[MODEL]
        if raw.endswith(b'"') and data in frame:
            self._needle, self._replacement = fields.body[key:stop], fields.body[key:start] + self._model

    def _is_whole(self, frame: bytes) -> bool:
        """Whether the frame lacks only its blank line; half a chunk is none."""
        data = sse.data_of(frame)
        try:
            return data is None or bool(told_fields(data))
        except InvalidJson:
            return False
