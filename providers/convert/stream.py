"""How does a stream of one wire become one of another, frame by frame?"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import msgspec

from providers.bytes.framing import ERROR
from providers.bytes.halves import Halves
from providers.bytes.sse import Frames
from providers.canonical.answer import Failure
from providers.canonical.codec import Asked
from providers.canonical.events import Ended, Event, Failed, Started, UsageTold
from providers.canonical.extra import Extra, Json
from providers.canonical.tools import SentTools
from providers.convert.codecs import WireCodec
from providers.errors import EmptyStream, InvalidResponse, ProviderError
from providers.offload import offload
from providers.types import ReplyStream, Usage, Wire
from providers.wire.openai.framing import DONE
from providers.wire.openai.good_answer import failure_in_event, failure_in_text, failure_in_whole
from providers.wire.over_http import OVER_HTTP

EVENTS_COST = 8
"""How much more it costs to convert bytes of events than to look through a text: they are many small ones."""
MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that its format gives it."""


class Conversion:
    """Turns the frames of one wire into those of another; `done` says that no more are wanted."""

    def __init__(self, upstream: WireCodec, client: WireCodec, sent: SentTools, asked: Asked) -> None:
        self.done = False
        self._halves = Halves()
        self._upstream, self._client = upstream, client
        self._decoder = upstream.stream_decoder(sent)
        self._encoder = client.stream_encoder(asked)
        self._tokens: Usage | None = None
        self._tier = ""

    @property
    def usage(self) -> Usage | None:
        """What was told so far, with all that the client's wire may have no word for."""
        return self._tokens and msgspec.structs.replace(self._tokens, service_tier=self._tier or self._tokens.service_tier)

    def begin(self) -> Frames:
        """What is said before the upstream says anything."""
        return self._told(())

    def event(self, data: bytes, name: str) -> Frames:
        """What a frame amounts to. Raises `ProviderError` for one that is an error, or cannot be read."""
        try:
            events = self._decoder.feed(self._object(data, name), name)
            for event in events:
                if type(event) is Failed:
                    raise self._upstream.failure_of(event.failure)
            return self._told(events)
        except MISFITS as error:
            raise InvalidResponse("an event cannot be read") from error

    def end(self, *, told: bool) -> Frames:
        """What is said after the upstream's last frame; nothing if it was cut off. `told` says that the upstream has told its
        end."""
        events = self._decoder.end()
        if told and not _ends(events):
            events = (*events, Ended())
        self.done = True
        return self._told(events) if _ends(events) else []

    def fail(self, code: str, message: str, more: Json) -> Frames:
        """What is said when it cannot go on, with `more` fields of the error; nothing if the wire has no words of its own for
        that."""
        self.done = True
        failure = Failure(message=message, code=code, extra=Extra(self._client.wire, {"rest": more}))
        return list(map(self._client.frame_of, self._encoder.feed((Failed(failure),))))

    def _told(self, events: Sequence[Event]) -> Frames:
        for event in events:
            if type(event) is UsageTold:
                self._tokens = event.used.tokens
            elif isinstance(event, Started | Ended) and event.answer is not None and event.answer.service_tier:
                self._tier = event.answer.service_tier
        frames = list(map(self._client.frame_of, self._encoder.feed(events)))
        if _ends(events):
            self.done = True
            return [*frames, self._client.closing] if self._client.closing else frames
        return frames

    def _object(self, data: bytes, name: str) -> Any:
        try:
            value = self._halves.decoded(data)
        except ValueError as error:
            if name == ERROR:
                raise failure_in_event(data) from error
            raise (failure_in_text(data) or InvalidResponse("a chunk is not JSON")) from error
        if not isinstance(value, dict) and name != ERROR:
            raise failure_in_text(data) or InvalidResponse("a chunk is no object")
        return value


def _ends(events: Sequence[Event]) -> bool:
    return any(type(event) is Ended for event in events)


class ConvertedStream:
    """A `FrameStream` of one wire, made of one of another as it comes."""

    def __init__(self, inner: ReplyStream, conversion: Conversion, wire: Wire, lossy: tuple[str, ...]) -> None:
        self.wire = wire
        self.lossy = (*lossy, *inner.lossy)
        self.extend = inner.extend
        self.close = inner.close
        self._inner = inner
        self._conversion = conversion
        self.content_type = OVER_HTTP[wire].framing.content_type
        self._framing = OVER_HTTP[inner.wire].framing
        self._splitter = self._framing.splitter()
        self._begun = self._heard = False
        self._told = 0
        self._lock = Lock()
        self._error: ProviderError | None = None

    async def next(self) -> Frames:
        """Raises the upstream's own error, also one that comes in the stream, after all that was said before it."""
        if not self._begun:
            self._begun = True
            if begin := self._conversion.begin():
                return begin
        out: Frames = []
        while not out and not self._conversion.done:
            if self._error is not None:
                raise self._error
            chunk = await self._inner.next()
            work, arguments = (self._converted, (chunk,)) if chunk else (self._last, ())
            out = await offload(EVENTS_COST * (self._work(chunk) if chunk else self._told), work, *arguments)
        self._told += sum(map(len, out))
        return out

    def _work(self, chunk: bytes) -> int:
        """How many bytes are to be worked upon: the end tells all again that was told."""
        return len(chunk) + self._splitter.waiting + (self._told if DONE in chunk else 0)

    @property
    def usage(self) -> Usage | None:
        """What its upstream has told so far."""
        return self._conversion.usage

    def fail(self, code: str, message: str, more: Json) -> Frames:
        """What is said when it cannot go on. A thread may still be at work when whoever awaited it was cancelled."""
        with self._lock:
            return self._conversion.fail(code, message, more)

    def _converted(self, chunk: bytes) -> Frames:
        out: Frames = []
        with self._lock:
            try:
                for frame in self._splitter.feed(chunk):
                    out += self._frame(frame)
            except ProviderError as error:
                self._error = error
        return out

    def _last(self) -> Frames:
        with self._lock:
            rest = self._splitter.rest()
            if not self._heard and (failure := failure_in_whole(rest)) is not None:
                raise failure
            out = self._frame(self._framing.last(rest))
            return out if self._conversion.done else out + self._conversion.end(told=False)

    def _frame(self, frame: bytes) -> Frames:
        data = self._framing.data_of(frame)
        if self._conversion.done or data is None or not data.strip():
            return []
        if data.strip() == DONE:
            if not self._heard:
                raise EmptyStream
            return self._conversion.end(told=True)
        self._heard = True
        return self._conversion.event(data, self._framing.name_of(frame))
