"""What do bodies say in canonical form, and back? For those who look at calls and answers, or edit them, whatever their wire."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec

from providers.bytes.framing import Framing
from providers.bytes.halves import Halves
from providers.bytes.patch import fields_of
from providers.bytes.sse import Frames
from providers.canonical.answer import Answer
from providers.canonical.codec import Asked, Encoded
from providers.canonical.events import Event
from providers.canonical.extra import Json
from providers.canonical.fold import Fold, events_of, folded
from providers.canonical.request import Request
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.convert.codecs import codecs
from providers.convert.converted import readable, request_of
from providers.convert.naming import named_answer, named_request
from providers.convert.stream import MISFITS
from providers.errors import ProviderError
from providers.ids import item_ids, mint
from providers.offload import offload
from providers.types import Call, Reply, Wire
from providers.wire.openai.framing import DONE
from providers.wire.over_http import OVER_HTTP

PIECE_FRAMES = 32
"""Frames of a retold stream that are given at a time."""


def is_conversation(wire: Wire) -> bool:
    """Whether calls of the wire have a canonical form."""
    return wire in codecs()


def canonical_request(call: Call) -> Request | None:
    """The request of a call; None if it is no conversation. Raises `CallerError`."""
    return request_of(call, codecs()[call.wire]) if call.wire in codecs() else None


def encoded_request(request: Request, wire: Wire) -> Encoded:
    """The body of the request in that wire. Raises `Unsupported`."""
    return codecs()[wire].encode_request(named_request(request) if request.wire is wire else request)


def asked_of(call: Call, request: Request) -> Asked:
    """What is to be known of a call where an answer to it is written."""
    answer_id = call.response.id or mint(codecs()[call.wire].id_prefix)
    bare = msgspec.structs.replace(request, turns=())
    return Asked(request=bare, id=answer_id, created=int(time.time()), model=call.model, mint=item_ids(answer_id, "o"))


def canonical_answer(wire: Wire, body: Json, sent: SentTools = NOTHING_SENT) -> Answer | None:
    """A whole answer; None if it is of no conversation. Raises `InvalidResponse`."""
    with readable():
        return codecs()[wire].decode_answer(body, sent) if wire in codecs() else None


def canonical_events(wire: Wire, frames: Iterable[bytes], framing: Framing | None = None) -> Iterator[Sequence[Event]]:
    """All that the frames of a stream tell, those of one frame together; `framing` is the wire's own unless another one is given.
    Raises `InvalidResponse`."""
    framing = framing or OVER_HTTP[wire].framing
    decoder, halves = codecs()[wire].stream_decoder(), Halves()
    with readable():
        for frame in frames:
            data = framing.data_of(frame)
            if data is not None and data.strip() and data.strip() != DONE:
                yield decoder.feed(halves.decoded(data), framing.name_of(frame))
        yield decoder.end()


def streamed_answer(wire: Wire, frames: Iterable[bytes]) -> Answer | None:
    """The whole answer that a stream amounts to; None if it is of no conversation, or told nothing. Raises `InvalidResponse`."""
    if wire not in codecs():
        return None
    with readable():
        return folded(event for events in canonical_events(wire, frames) for event in events)


def answer_so_far(wire: Wire, frames: Iterable[bytes], framing: Framing | None = None) -> Answer | None:
    """What the stream of a conversation has told until its end, or until a frame that cannot be read."""
    fold = Fold()
    with suppress(ProviderError), readable():
        for events in canonical_events(wire, frames, framing):
            fold.feed(events)
    try:
        return fold.answer()
    except MISFITS:
        return None


def frames_of(answer: Answer, wire: Wire, asked: Asked) -> Frames:
    """The frames of a stream in that wire which tells the whole answer."""
    codec = codecs()[wire]
    encoder = codec.stream_encoder(asked)
    frames = [codec.frame_of(frame) for events in events_of(answer) for frame in encoder.feed(events)]
    return [*frames, codec.closing] if codec.closing else frames


class RetoldStream:
    """A `FrameStream` that tells a whole answer."""

    def __init__(self, frames: Frames, wire: Wire, lossy: tuple[str, ...] = ()) -> None:
        self.wire = wire
        self.lossy = lossy
        self.content_type = OVER_HTTP[wire].framing.content_type
        self._frames = frames

    async def next(self) -> Frames:
        piece, self._frames = self._frames[:PIECE_FRAMES], self._frames[PIECE_FRAMES:]
        return piece

    def extend(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        self._frames = []


async def retold(call: Call, reply: Reply) -> RetoldStream:
    """The stream that a call for one is to get, made of a whole answer in its wire. Raises `ProviderError`."""
    return await offload(len(reply.body), _retold, call, reply)


def _retold(call: Call, reply: Reply) -> RetoldStream:
    codec = codecs()[call.wire]
    answer = codec.decode_answer(msgspec.json.decode(reply.body))
    return RetoldStream(frames_of(answer, call.wire, asked_of(call, request_of(call, codec))), call.wire, reply.lossy)


def reply_of(answer: Answer, call: Call, request: Request) -> Reply:
    """A whole answer in the wire of the call."""
    body = msgspec.json.encode(encoded_answer(answer, call, request))
    return Reply(wire=call.wire, body=body, fields=fields_of(body))


def encoded_answer(answer: Answer, call: Call, request: Request) -> Json:
    """The body of a whole answer in the wire of the call."""
    named = named_answer(answer) if answer.wire is call.wire else answer
    return codecs()[call.wire].encode_answer(named, asked_of(call, request)).body
