"""What must a wire's codec be able to do? Docs/decisions/014 says how one is written.

Codecs are pure: JSON values in, canonical values out, and back. Bytes, frames and sockets are the business of others. A module
may be a codec. For all `x` that `decode_request` takes, `encode_request(decode_request(x))` is `x` again, with nothing lost; so
it is with answers, and with the frames of a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import Protocol

import msgspec

from providers.canonical.answer import Answer
from providers.canonical.events import Event
from providers.canonical.extra import Json, Value
from providers.canonical.request import Request
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.types import Wire


class Traits(Value, frozen=True, gc=False, kw_only=True):
    """What differs between upstreams of one wire. `returns_reasoning`: thoughts of the turns before are to be sent back. `model`
    is what the upstream calls the model, `api_version` that with which it is asked, each "" where that is not known."""

    returns_reasoning: bool = False
    model: str = ""
    api_version: str = ""


ORDINARY = Traits()


class Encoded(Value, frozen=True, gc=False):
    """The JSON of another wire. `lossy` names what it could not carry, as places in the client's own wire, each once; of an
    answer, as places in the upstream's. `sent` is for the decoder of the answer."""

    body: Json
    lossy: tuple[str, ...] = ()
    sent: SentTools = NOTHING_SENT


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """For whom an answer is written: the request as its client made it, what is to be answered for the id, the time and the
    model, what makes ids of items with a prefix, and what tells the time (seconds since 1970). No `Value`: what makes ids may
    hold whatever holds this."""

    request: Request
    id: str
    created: int
    model: str
    mint: Callable[[str], str]
    clock: Callable[[], float] = time


class StreamDecoder(Protocol):
    """One stream of an upstream. Raises `InvalidResponse` for a frame that cannot be read; what an upstream itself says that
    went wrong is an event (`Failed`)."""

    def feed(self, frame: Json, name: str = "") -> Sequence[Event]:
        """What a frame tells; `name` is that of its event, where the framing has one."""
        ...

    def end(self) -> Sequence[Event]:
        """What follows from the end of the body, or `[DONE]`. A stream that was cut off has no `Ended`."""
        ...


class StreamEncoder(Protocol):
    """One stream for a client; `lossy` is what it has lost so far."""

    lossy: tuple[str, ...]

    def feed(self, events: Sequence[Event]) -> Sequence[Json]:
        """The frames that the events of one frame amount to: none, one or several."""
        ...


class Codec(Protocol):
    """One wire."""

    wire: Wire

    def decode_request(self, body: Json) -> Request:
        """Raises `CallerError` (400, with the place) for what the wire's own specification refuses."""
        ...

    def encode_request(self, request: Request, traits: Traits = ORDINARY) -> Encoded:
        """Raises `Unsupported` (400, with the place in the client's wire) for what cannot be left out without changing the
        meaning."""
        ...

    def decode_answer(self, body: Json, sent: SentTools = NOTHING_SENT) -> Answer:
        """Raises `InvalidResponse` for what cannot be read."""
        ...

    def encode_answer(self, answer: Answer, asked: Asked) -> Encoded: ...

    def stream_decoder(self, sent: SentTools = NOTHING_SENT) -> StreamDecoder: ...

    def stream_encoder(self, asked: Asked) -> StreamEncoder: ...
