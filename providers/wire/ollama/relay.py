"""How is a stream of Ollama's lines relayed? As it came, but for the model's name; errors are lines, too.

Format: Ollama of August 2026, `server/routes.go`, `streamResponse`. Nearly all lines begin as the one before does and end in
`"done":false}`: in valid JSON neither can stand inside a string (its quotes would be escaped), and the second closes the line's
own object. The model's name is changed in these without reading them.
"""

from __future__ import annotations

import msgspec

from providers.bytes.halves import told_fields
from providers.bytes.ndjson import NDJSON, data_of, frame_of, with_data
from providers.bytes.patch import Fields, InvalidJson, patch
from providers.bytes.sse import Frames
from providers.errors import Failure, InvalidResponse
from providers.wire.ollama.errors import error_of
from providers.wire.ollama.usage import usage_of
from providers.wire.openai.good_answer import failure_in_text
from providers.wire.openai.relay import FrameRelay

BEGIN = b'{"model":"'
NOT_DONE = b'"done":false}\n'
NEVER = b"\n\n"
"""Bytes that no line holds."""


class OllamaRelay(FrameRelay):
    """One stream of `/api/chat`; `done` after its last line, whose counts are its `usage`."""

    framing = NDJSON

    def __init__(self, model: str) -> None:
        super().__init__()
        self._model = msgspec.json.encode(model)
        self._head = NEVER
        """How a line begins that has the upstream's name of the model."""
        self._renamed = b""

    def broken(self, failure: Failure) -> Frames:
        """What ends the stream when it cannot go on; nothing follows."""
        return [error_line(failure)]

    def _frame(self, frame: bytes, out: Frames) -> None:
        if frame.startswith(self._head) and frame.endswith(NOT_DONE) and b'"error"' not in frame:
            self.events += 1
            out.append(self._renamed + frame[len(self._head) :])
            return
        data = data_of(frame)
        if data is None:
            return  # clients read each line as JSON
        try:
            fields = told_fields(data)
        except InvalidJson:
            self.error = failure_in_text(data) or InvalidResponse("a line is not JSON")
            return
        self.error = error_of(fields)
        if self.error is None:
            self._line(frame, data, fields, out)

    def _line(self, frame: bytes, data: bytes, fields: Fields, out: Frames) -> None:
        self.events += 1
        self._learn(frame, fields)
        if fields.raw("done") == b"true":
            self.done = True
            self.usage = usage_of(fields)
        changed = fields.raw("model") != self._model
        out.append(with_data(frame, data, patch(fields, {"model": self._model})) if changed else frame)

    def _learn(self, frame: bytes, fields: Fields) -> None:
        """Remembers how lines of this upstream begin, if they do with the model."""
        raw = fields.raw("model")
        if raw is not None and frame.startswith(BEGIN) and fields.spans["model"][1] == len(BEGIN) - 1:
            self._head = BEGIN[:-1] + raw + b","
            self._renamed = BEGIN[:-1] + self._model + b","

    def _is_whole(self, frame: bytes) -> bool:
        """Whether the last line lacks only its end; half a line is none."""
        data = data_of(frame)
        try:
            return data is not None and bool(told_fields(data))
        except InvalidJson:
            return False


def error_line(failure: Failure) -> bytes:
    """An error as a line of a stream."""
    return frame_of(msgspec.json.encode({"error": failure.message}))
