"""How does a stream reach the client byte for byte, while somebody looks at what it tells? For answers that are passed on."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.framing import Framing
from providers.bytes.sse import Frames
from providers.canonical.events import ArgumentsDelta, Event, Failed, ReasoningDelta, TextDelta, UsageTold
from providers.convert.codecs import codecs
from providers.convert.stream import MISFITS
from providers.errors import Failure, ProviderError
from providers.types import Usage, Wire
from providers.wire.openai.framing import DONE
from providers.wire.openai.relay import Relay

UNREADABLE = (*MISFITS, ProviderError, RecursionError, msgspec.MsgspecError)


class VerbatimRelay:
    """A `Relay` that changes nothing. It begins at once, since also the head of the answer is the upstream's, and ends where the
    upstream ends; a stream that breaks breaks for the client, too. `failure` is the code of an error that the stream has told.

    Without a `framing` the bytes mean nothing, and are passed on as they come.
    """

    final: bytes | None = None
    error: ProviderError | None = None
    started = True

    def __init__(self, wire: Wire | None, framing: Framing | None) -> None:
        self.framing = framing
        self.events = self.deltas = 0
        self.done = False
        self.usage: Usage | None = None
        self.failure: str | None = None
        self._splitter = framing.splitter() if framing else None
        self._decoder = codecs()[wire].stream_decoder() if framing and wire is not None and wire in codecs() else None

    @property
    def waiting(self) -> int:
        return self._splitter.waiting if self._splitter else 0

    def feed(self, chunk: bytes) -> Frames:
        return self.take(self._splitter.feed(chunk) if self._splitter else [chunk])

    def take(self, frames: Frames) -> Frames:
        self.events += 1
        if self._decoder is not None:
            for frame in frames:
                self._look(frame)
        return frames

    def end(self) -> Frames:
        rest = self._splitter.rest() if self._splitter else b""
        self.done = True
        return self.take([rest]) if rest else []

    def broken(self, failure: Failure) -> Frames | None:
        return None

    def _look(self, frame: bytes) -> None:
        """Notes what a frame tells; what cannot be read is not looked at any more."""
        framing, decoder = self.framing, self._decoder
        if framing is None or decoder is None:
            return
        data = framing.data_of(frame)
        if data is None or not data.strip() or data.strip() == DONE:
            return
        try:
            for event in decoder.feed(msgspec.json.decode(data), framing.name_of(frame)):
                self._note(event)
        except UNREADABLE:
            self._decoder = None

    def _note(self, event: Event) -> None:
        if isinstance(event, UsageTold):
            self.usage = event.used.tokens
        elif isinstance(event, TextDelta | ReasoningDelta | ArgumentsDelta):
            self.deltas += 1
        elif isinstance(event, Failed):
            self.failure = event.failure.code or "upstream_error"


def own_relay(stream: Any) -> Relay | None:
    """The relay that a stream brings along, since it is to be passed on as it is; None for any other."""
    relay: Relay | None = getattr(stream, "relay", None)
    return relay
