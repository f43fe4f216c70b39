"""How is a stream of chat completion chunks relayed? As it came, but for the model's name and an unasked usage chunk.

Most chunks are only searched for a few byte patterns. In valid JSON the bytes `"model":"x"` cannot stand inside a
string (its quotes would be escaped), so a hit before any nested object or array is the chunk's own field.
"""

from __future__ import annotations

import msgspec

from providers.errors import EmptyStream, InvalidResponse, ProviderError, StreamTruncated
from providers.types import Usage
from providers.wire import sse
from providers.wire.openai_chat import DONE, error_in
from providers.wire.openai_usage import usage_of
from providers.wire.patch import Fields, InvalidJson, fields_of, patch

UNREMARKABLE = ((b'"finish_reason"', b'"finish_reason":null'), (b'"usage"', b'"usage":null'))
"""Fields that need a close look unless all of them have the second, commonest form."""
NEVER = b"\n\n\n"
"""Bytes that no frame holds."""
EMPTY = (None, b"[]", b"null")


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


_decode_choices = msgspec.json.Decoder(list[_Choice]).decode


class ChatStreamRelay:
    """One stream. `feed` gives the bytes for the client; the attributes tell what has been seen.

    `content` stands in every chunk: older completions have `"text"` instead of `"delta"`.
    `events` counts content events, `started` is true from the first on, `done` after `[DONE]`, `finished` after a
    finish reason. `error` is the upstream's own error event, `usage` its last usage.
    """

    comments = True
    final: bytes | None = None

    def __init__(self, model: str, *, include_usage: bool, content: bytes = b'"delta"') -> None:
        self.events = 0
        self.done = False
        self.finished = False
        self.error: ProviderError | None = None
        self.usage: Usage | None = None
        self._model = msgspec.json.encode(model)
        self._content = content
        self._include_usage = include_usage
        self._splitter = sse.FrameSplitter()
        self._needle = NEVER
        self._replacement = b""

    @property
    def started(self) -> bool:
        return self.events > 0

    def feed(self, chunk: bytes) -> bytes:
        """What goes to the client for these bytes, perhaps nothing. Raises `InvalidResponse` for an endless event.

        Stops at an error event, which is not relayed, and at `[DONE]`.
        """
        return self._relay(self._splitter.feed(chunk))

    def end(self) -> bytes:
        """What is still to be sent after the upstream's last byte. Raises `StreamTruncated` or `EmptyStream`, or the
        upstream's own error, when the stream was not complete."""
        frame = self._splitter.rest().rstrip(b"\r\n") + b"\n\n"
        out = self._relay([frame]) if _is_whole(frame) else b""
        if self.error is not None:
            raise self.error
        if self.done:
            return out
        if not self.finished:
            raise StreamTruncated() if self.started else EmptyStream()
        self.done = True
        return out + sse.frame_of(DONE)

    def broken(self, error: bytes) -> bytes:
        """What ends the stream when it cannot go on."""
        return sse.frame_of(error) + sse.frame_of(DONE)

    def _relay(self, frames: list[bytes]) -> bytes:
        out: list[bytes] = []
        for frame in frames:
            if self.done or self.error is not None:
                break
            out.append(self._frame(frame))
        return b"".join(out)

    def _frame(self, frame: bytes) -> bytes:
        position = frame.find(self._needle)
        if position < 0 or b'"error"' in frame or self._content not in frame:
            return self._look_closely(frame)
        if b"{" in frame[7:position] or b"[" in frame[7:position]:
            return self._look_closely(frame)
        for name, harmless in UNREMARKABLE:
            if frame.count(name) != frame.count(harmless):
                return self._look_closely(frame)
        self.events += 1
        return frame[:position] + self._replacement + frame[position + len(self._needle) :]

    def _look_closely(self, frame: bytes) -> bytes:
        data = sse.data_of(frame)
        if data is None or not data.strip():
            return frame
        if data.strip() == DONE:
            self.done = True
            return frame
        try:
            fields = fields_of(data)
        except InvalidJson:
            if not self.started:
                self.error = InvalidResponse("the first event is not JSON")
                return b""
            self.events += 1
            return frame
        self.error = error_in(fields)
        return b"" if self.error else self._chunk(frame, data, fields)

    def _chunk(self, frame: bytes, data: bytes, fields: Fields) -> bytes:
        choices = fields.raw("choices")
        self._note(choices)
        usage = usage_of(fields)
        self.usage = usage or self.usage
        changes: dict[str, bytes | None] = {}
        if "model" in fields.spans and fields.raw("model") != self._model:
            changes["model"] = self._model
        if usage is not None and not self._include_usage:
            if choices in EMPTY:
                return b""
            changes["usage"] = None
        if choices not in EMPTY:
            self.events += 1
        self._learn(frame, fields)
        if not changes:
            return frame
        return self._with_data(frame, data, patch(fields, changes))

    def _note(self, choices: bytes | None) -> None:
        if choices and not self.finished:
            try:
                self.finished = any(choice.finish_reason for choice in _decode_choices(choices))
            except msgspec.DecodeError:
                return

    def _learn(self, frame: bytes, fields: Fields) -> None:
        """Remembers how this upstream spells the field, from a frame of one line."""
        span = fields.spans.get("model")
        if span is not None and frame.startswith(b"data:"):
            key, start, stop = span
            needle = fields.body[key:stop]
            self._needle = needle if needle.endswith(b'"') else NEVER
            self._replacement = fields.body[key:start] + self._model

    @staticmethod
    def _with_data(frame: bytes, data: bytes, changed: bytes) -> bytes:
        if data in frame:
            return frame.replace(data, changed, 1)
        return sse.frame_of(changed)


def _is_whole(frame: bytes) -> bool:
    """Whether the last event lacks only its blank line; half an event is none."""
    data = sse.data_of(frame)
    if data is None or data.strip() == DONE:
        return data is not None
    try:
        fields_of(data)
    except InvalidJson:
        return False
    return True
