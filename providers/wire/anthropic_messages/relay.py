"""How is a stream of Messages events relayed? As it came, but for the model's name in its first event.

Format: Anthropic's reference of October 2026, "Streaming messages". Most events are deltas, which their name tells, and they pass
unread. Clients go by the name of an event, which some upstreams leave out, and wait for `message_stop`.
"""

from __future__ import annotations

import re

from providers.bytes import sse
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, fields_of, patch
from providers.bytes.sse import Frames
from providers.errors import Failure, InvalidResponse
from providers.wire.anthropic_messages.errors import error_frame
from providers.wire.anthropic_messages.framing import frame_of
from providers.wire.anthropic_messages.usage import Counts, counts_in
from providers.wire.openai.framing import DONE, json_string
from providers.wire.openai.good_answer import error_in, failure_in_event
from providers.wire.openai.relay import FrameRelay

BLOCK, DELTA = b"event: content_block_", b"event: content_block_delta\n"
NAMED = b"event:"
START, END, ERROR = b"message_start", b"message_stop", b"error"
SILENT = frozenset({START, b"ping"})
"""Events with which nothing has been said yet."""
STOPPED = re.compile(rb'"stop_reason"\s*:\s*"')
"""In valid JSON these bytes are a field: in a string its quotes would be escaped."""


class MessagesRelay(FrameRelay):
    """One stream; `finished` once it has said why it stops, `done` after its last event. `usage` is the sum so far."""

    closing = (frame_of({"type": "message_stop"}),)

    def __init__(self, model: str) -> None:
        super().__init__()
        self._model = json_string(model)
        self._counts = Counts()
        self._deltas = 0

    @property
    def deltas(self) -> int:
        return self._deltas

    def broken(self, failure: Failure) -> Frames:
        """What ends the stream when it cannot go on; nothing follows."""
        return [error_frame(failure)]

    def _frame(self, frame: bytes, out: Frames) -> None:
        if frame.startswith(BLOCK):
            self.events += 1
            self._deltas += frame.startswith(DELTA)
            out.append(frame)
            return
        data = sse.data_of(frame)
        if data is None or not data.strip():
            out += sse.without_data(frame)
            return
        if data.strip() == DONE:  # of those who speak OpenAI's formats, too
            return
        try:
            self._event(frame, data, told_fields(data), out)
        except InvalidJson:
            self.error = failure_in_event(data) if sse.names_error(frame) else InvalidResponse("an event is not JSON")

    def _event(self, frame: bytes, data: bytes, fields: Fields, out: Frames) -> None:
        kind = (fields.raw("type") or b"").strip(b'"')
        if kind == ERROR or sse.names_error(frame):
            self.error = failure_in_event(data)
            return
        if not kind and (error := error_in(fields)) is not None:
            self.error = error
            return
        self.events += kind not in SILENT
        self._deltas += kind == b"content_block_delta"
        if kind == START:
            frame = self._started(frame, data, fields)
        elif kind == END:
            self.done = True
        else:
            self._count(fields.raw("usage"))
            self.finished = self.finished or (b"stop_reason" in data and STOPPED.search(data) is not None)
        out.append(frame if NAMED in frame else b"event: %b\n%b" % (kind, frame))

    def _started(self, frame: bytes, data: bytes, fields: Fields) -> bytes:
        """The first event with the name that the client has for the model. Raises `InvalidJson`."""
        message = fields_of(fields.raw("message") or b"")
        self._count(message.raw("usage"))
        if message.raw("model") == self._model:
            return frame
        made = patch(fields, {"message": patch(message, {"model": self._model})})
        return sse.with_data(frame, data, made)

    def _count(self, raw: bytes | None) -> None:
        counts = counts_in(raw)
        if counts is not None:
            self._counts = self._counts.with_later(counts)
            self.usage = self._counts.usage()

    def _is_whole(self, frame: bytes) -> bool:
        """Whether the frame lacks only its blank line; half an event is none."""
        data = sse.data_of(frame)
        try:
            return data is not None and bool(told_fields(data))
        except InvalidJson:
            return False
