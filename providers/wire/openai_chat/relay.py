"""How is a stream of chat completion chunks relayed? As it came, but for the model's name and an unasked usage chunk.

Most chunks are only searched for a few byte patterns. In valid JSON the bytes `"model":"x"` cannot stand inside a
string (its quotes would be escaped), so a hit before any nested object or array is the chunk's own field. And most of these
differ from the one before in nothing but the text of their delta: what stands before and after it is compared as a whole.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.halves import read, told_fields
from providers.bytes.patch import Fields, InvalidJson, patch
from providers.bytes.sse import Frames
from providers.wire.openai.framing import DONE
from providers.wire.openai.good_answer import error_in, failure_in_event
from providers.wire.openai.relay import FrameRelay, done_as_it_came
from providers.wire.openai.usage import groqs_own, usage_of
from providers.wire.openai_chat.repair import CALLS, CallRepair

UNREMARKABLE = (
    (b'"finish_reason"', b'"finish_reason":null'),
    (b'"usage"', b'"usage":null'),
    (b'"tool_calls"', b'"tool_calls":null'),
)
"""Fields that need a close look unless all of them have the second, commonest form."""
MAX_SHAPES = 32
"""How often what stands around a text is learned: some upstreams put something new into every chunk."""
_TEXT = re.compile(rb'"(?:content|text|reasoning_content|reasoning)": ?"')
NEVER = b"\n\n\n"
"""Bytes that no frame holds."""
EMPTY = (None, b"[]", b"null")


class _Choice(msgspec.Struct):
    index: Any = 0
    finish_reason: str | None = None


_decode_choices = msgspec.json.Decoder(list[_Choice]).decode


class ChatStreamRelay(FrameRelay):
    """One stream, `done` after `[DONE]`, `finished` after a finish reason; `usage` is its last usage. With `repair`, tool
    calls are put right where the upstream tells them otherwise than the format has them.

    `content` stands in every chunk: older completions have `"text"` instead of `"delta"`. With `several` choices it is finished
    when each of them is that has begun; that takes a close look at every chunk.
    """

    def __init__(
        self,
        model: str,
        *,
        include_usage: bool,
        content: bytes = b'"delta"',
        several: bool = False,
        repair: CallRepair | None = None,
    ) -> None:
        super().__init__()
        self._repair = repair
        self._model = msgspec.json.encode(model)
        self._content = content
        self._include_usage = include_usage
        self.closing = [sse.frame_of(DONE)]
        self._needle = NEVER
        self._replacement = b""
        self._untold: Frames = []
        self._unfinished: dict[str, bool] | None = {} if several else None
        self._head = self._tail = NEVER
        """What stood before and after the text of an unremarkable chunk."""
        self._renamed = b""
        """`_head` with the public name."""
        self._shapes_left = MAX_SHAPES

    def _frame(self, frame: bytes, out: Frames) -> None:
        head, tail = self._head, self._tail
        if frame.startswith(head) and frame.endswith(tail):
            start, stop = len(head), len(frame) - len(tail)
            if start <= stop and frame.find(b'"', start, stop) < 0:  # the text between holds no field
                self.events += 1
                out.append(self._renamed + frame[start:])
                return
        position = frame.find(self._needle)
        if position < 0 or not self._is_unremarkable(frame, position):
            self._look_closely(frame, out)
            return
        self.events += 1
        behind = position + len(self._needle)
        out.append(frame[:position] + self._replacement + frame[behind:])
        if self._shapes_left:
            self._learn_shape(frame, position, behind)

    def _learn_shape(self, frame: bytes, position: int, behind: int) -> None:
        """Remembers what stands around the text of an unremarkable chunk, whose model stands before it."""
        self._shapes_left -= 1
        if (text := _TEXT.search(frame, behind)) is not None:
            start = text.end()
            self._head, self._tail = frame[:start], frame[frame.find(b'"', start) :]
            self._renamed = frame[:position] + self._replacement + frame[behind:start]

    def _is_unremarkable(self, frame: bytes, position: int) -> bool:
        """Whether a chunk has content and nothing that needs a close look; the model stands at `position`."""
        if b'"error"' in frame or self._content not in frame:
            return False
        if b"{" in frame[7:position] or b"[" in frame[7:position]:
            return False
        return all(frame.count(name) == frame.count(harmless) for name, harmless in UNREMARKABLE)

    def _look_closely(self, frame: bytes, out: Frames) -> None:
        data = sse.data_of(frame)
        if data is None or not data.strip():
            out += sse.without_data(frame)
            return
        if data.strip() == DONE:
            self.done = True
            out += (*self._untold, done_as_it_came(frame, data))
            return
        try:
            fields = told_fields(data)
        except InvalidJson:
            self._not_json(frame, out)
            return
        self.error = failure_in_event(data) if sse.names_error(frame) else error_in(fields)
        if self.error is None:
            self._chunk(frame, data, fields, out)

    def _is_whole(self, frame: bytes) -> bool:
        """Whether the frame lacks only its blank line; half an event is none."""
        data = sse.data_of(frame)
        if data is None or data.strip() == DONE:
            return data is not None
        try:
            told_fields(data)
        except InvalidJson:
            return False
        return True

    def _chunk(self, frame: bytes, data: bytes, fields: Fields, out: Frames) -> None:
        choices = fields.raw("choices")
        self._note(choices)
        usage = usage_of(fields)
        self.usage = usage or self.usage
        changes: dict[str, bytes | None] = {}
        if "model" in fields.spans and fields.raw("model") != self._model:
            changes["model"] = self._model
        if usage is not None and not self._include_usage:
            if choices in EMPTY:
                return
            changes["usage"] = None
        if usage is not None and self._include_usage:
            self._owe_usage(fields)
        if choices not in EMPTY:
            self.events += 1
            if self._repair is not None and (self._repair.begun or CALLS in frame):
                repaired = self._repair.repaired(choices or b"")
                changes |= {"choices": repaired} if repaired is not None else {}
        self._learn(frame, fields)
        out.append(sse.with_data(frame, data, patch(fields, changes)) if changes else frame)

    def _owe_usage(self, fields: Fields) -> None:
        """The client gets its usage chunk at the end if the upstream told the usage in a place of its own."""
        usage = groqs_own(fields)
        changes = {"model": self._model, "choices": b"[]", "usage": usage, "x_groq": None}
        self._untold = [sse.frame_of(patch(fields, changes))] if usage else []
        self.closing = [*self._untold, sse.frame_of(DONE)]

    def _note(self, choices: bytes | None) -> None:
        if not choices or (self.finished and self._unfinished is None):
            return
        try:
            found = read(_decode_choices, choices)
        except msgspec.DecodeError:
            return
        if self._unfinished is None:
            self.finished = any(choice.finish_reason for choice in found)
            return
        for choice in found:
            place = str(choice.index)
            self._unfinished[place] = self._unfinished.get(place, True) and not choice.finish_reason
        self.finished = bool(found) and not any(self._unfinished.values())

    def _learn(self, frame: bytes, fields: Fields) -> None:
        """Remembers how this upstream spells the field, from a frame of one line."""
        span = fields.spans.get("model")
        if span is not None and self._unfinished is None and frame.startswith(b"data:"):
            key, start, stop = span
            needle = fields.body[key:stop]
            self._needle = needle if needle.endswith(b'"') else NEVER
            self._replacement = fields.body[key:start] + self._model
