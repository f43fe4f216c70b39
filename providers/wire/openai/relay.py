"""How do streams other than chat's reach the client? As they came: typed events, or sound.

Formats: OpenAI's OpenAPI document of August 2026: `speech.audio.*`, `transcript.text.*`, `image_generation.*` and
`image_edit.*` events, each `data:` a JSON object whose `type` says what it is; they end with the stream, some upstreams
add `data: [DONE]`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import msgspec

from providers.bytes import sse
from providers.bytes.framing import SSE, Framing
from providers.bytes.halves import told_fields
from providers.bytes.patch import InvalidJson
from providers.bytes.sse import Frames
from providers.errors import EmptyStream, Failure, InvalidResponse, ProviderError, StreamTruncated
from providers.types import Usage
from providers.wire.openai.error_object import error_body
from providers.wire.openai.framing import DONE
from providers.wire.openai.good_answer import error_in, failure_in_event, failure_in_text, failure_in_whole
from providers.wire.openai.usage import usage_of

LAST_EVENTS = (b".done", b".completed")
LARGE = 64 * 1024
"""Bytes from which what an event carries is passed over, not looked at."""


class _Looked(msgspec.Struct, omit_defaults=True):
    """All that is looked at in an event."""

    type: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()


_looked = msgspec.json.Decoder(_Looked).decode


class Relay(Protocol):
    """One stream on its way. `feed`, `take` and `end` give the frames for the client; the attributes tell what has been seen.

    `events` counts content events, `started` is true from the first on, `done` when nothing more is to come; `error` is
    the upstream's own error event. `framing` is that of its frames, None where the bytes mean nothing to us. `final` is the
    whole of what the stream has said, where there is such a thing. `waiting` counts the bytes of an event whose end has not
    come: they will be worked upon with its last ones. `deltas` are the events that stand for a token.
    """

    events: int
    done: bool
    error: ProviderError | None
    usage: Usage | None
    final: bytes | None

    @property
    def framing(self) -> Framing | None: ...

    @property
    def started(self) -> bool: ...

    @property
    def waiting(self) -> int: ...

    @property
    def deltas(self) -> int: ...

    def feed(self, chunk: bytes) -> Frames:
        """What goes to the client for these bytes, perhaps nothing. Raises `ProviderError`."""
        ...

    def take(self, frames: Frames) -> Frames:
        """As `feed`, for a stream that comes in frames."""
        ...

    def end(self) -> Frames:
        """What is still to be sent after the upstream's last byte. Raises `ProviderError` when the stream was not complete."""
        ...

    def broken(self, failure: Failure) -> Frames | None:
        """How the client is told of a failure after the stream has begun; None if only by a broken connection."""
        ...


class FrameRelay(ABC):
    """A stream of events. `finished` says that it may end without another event."""

    framing: Framing = SSE
    final: bytes | None = None
    closing: Sequence[bytes] = ()
    """What ends the stream when the upstream has left it out."""

    def __init__(self) -> None:
        self.events = 0
        self.done = False
        self.finished = False
        self.error: ProviderError | None = None
        self.usage: Usage | None = None
        self._splitter = self.framing.splitter()

    @property
    def started(self) -> bool:
        return self.events > 0

    @property
    def waiting(self) -> int:
        return self._splitter.waiting

    @property
    def deltas(self) -> int:
        return self.events

    def feed(self, chunk: bytes) -> Frames:
        """What goes to the client for these bytes, perhaps nothing. Raises `InvalidResponse` for an endless event.

        Stops at an error event, which is not relayed, and after the last event.
        """
        return self.take(self._splitter.feed(chunk))

    def take(self, frames: Frames) -> Frames:
        """What goes to the client for these frames."""
        out: Frames = []
        for frame in frames:
            if self.done or self.error is not None:
                break
            self._frame(frame, out)
        return out

    def end(self) -> Frames:
        """What is still to be sent after the upstream's last byte. Raises `StreamTruncated` or `EmptyStream`, or the
        upstream's own error, when the stream was not complete."""
        rest = self._splitter.rest().rstrip(b"\r\n")
        if not self.started and (failure := failure_in_whole(rest)) is not None:
            raise failure
        last = self.framing.last(rest)
        out = self.take([last]) if rest and self._is_whole(last) else []
        if self.error is not None:
            raise self.error
        if self.done:
            return out
        if not self.finished:
            raise StreamTruncated() if self.started else EmptyStream()
        self.done = True
        return [*out, *self.closing]

    def broken(self, failure: Failure) -> Frames:
        """What ends the stream when it cannot go on."""
        return [sse.frame_of(error_body(failure)), sse.frame_of(DONE)]

    @abstractmethod
    def _frame(self, frame: bytes, out: Frames) -> None:
        """Adds to `out` what goes to the client for one frame; notes what it tells."""

    def _is_whole(self, frame: bytes) -> bool:
        """Whether the last frame, which had no blank line, is to be relayed."""
        return True

    def _not_json(self, frame: bytes, out: Frames) -> None:
        """As `_frame`, for one whose data is no JSON object."""
        data = sse.data_of(frame) or b""
        self.error = failure_in_event(data) if sse.names_error(frame) else failure_in_text(data)
        if self.error is None and not self.started:
            self.error = InvalidResponse("the first event is not JSON")
        if self.error is None:
            self.events += 1
            out.append(frame)


class EventRelay(FrameRelay):
    """A stream of typed events, none of which is changed. It is complete after its last kind of event. `completed` counts the
    pictures in it."""

    completed = 0

    def broken(self, failure: Failure) -> Frames:
        error, *rest = super().broken(failure)
        return [b"event: error\n" + error, *rest]

    def _frame(self, frame: bytes, out: Frames) -> None:
        data = sse.data_of(frame)
        if data is None or not data.strip():
            out += sse.without_data(frame)
            return
        if data.strip() == DONE:
            self.done = True
            out.append(done_as_it_came(frame, data))
            return
        try:
            fields = told_fields(data if len(data) < LARGE else _without_content(data))
        except InvalidJson:
            self._not_json(frame, out)
            return
        kind = (fields.raw("type") or b"").strip(b'"')
        self.error = failure_in_event(data) if sse.names_error(frame) else error_in(fields)
        self.events += 1
        if kind.endswith(LAST_EVENTS):
            self.finished = True
            self.completed += kind.endswith(b".completed")
            self.usage = usage_of(fields) or self.usage
        if self.error is None:
            out.append(frame)


class SoundRelay:
    """Bytes that mean nothing to us. An upstream that breaks breaks the client's answer too."""

    framing: Framing | None = None
    waiting = 0
    final: bytes | None = None
    error: ProviderError | None = None
    usage: Usage | None = None

    def __init__(self) -> None:
        self.events = 0
        self.done = False

    @property
    def started(self) -> bool:
        return self.events > 0

    @property
    def deltas(self) -> int:
        return self.events

    def feed(self, chunk: bytes) -> Frames:
        if not self.events and chunk.startswith(b"{") and (failure := failure_in_whole(chunk)) is not None:
            raise failure  # no sound begins like this
        self.events += 1
        return [chunk]

    def take(self, frames: Frames) -> Frames:
        return self.feed(b"".join(frames))

    def end(self) -> Frames:
        if not self.started:
            raise EmptyStream
        self.done = True
        return []

    def broken(self, failure: Failure) -> None:
        return None


def done_as_it_came(frame: bytes, data: bytes) -> bytes:
    """The frame of `[DONE]`, written anew if there is white space about it that clients do not expect."""
    return frame if data == DONE else sse.frame_of(DONE)


def _without_content(data: bytes) -> bytes:
    """The event with only what is looked at. Raises `InvalidJson`."""
    try:
        found = _looked(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJson(str(error)) from error
    named = ((name, bytes(getattr(found, name))) for name in _Looked.__struct_fields__)
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in named if raw)
