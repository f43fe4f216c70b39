"""Has a stream really begun? Holds it back until its first content event, so that a failure can still fall over."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.bytes.sse import Frames
from providers.errors import EmptyStream, FirstByteTimeout, IdleTimeout
from providers.masking import Mask
from providers.offload import offload
from providers.types import FrameStream, ReplyStream
from providers.wire.openai.relay import Relay


class Begun(msgspec.Struct):
    """A stream after the gate: the frames held so far, and the rest to come."""

    stream: ReplyStream | FrameStream
    relay: Relay
    held: Frames
    mask: Callable[[], Mask] | None = None
    """What takes the secrets of the target out of an error, made when it is needed."""


async def first_event(stream: ReplyStream | FrameStream, relay: Relay) -> Begun:
    """Reads on until the first content event. Raises the upstream's own error if that comes first, `EmptyStream` if
    nothing does, `FirstByteTimeout` if it takes too long."""
    held: Frames = []
    try:
        while not relay.started:
            chunk = await stream.next()
            held += await fed(relay, chunk) if chunk else relay.end()
            if relay.error is not None:
                raise relay.error
            if relay.done and not relay.started:
                raise EmptyStream
    except IdleTimeout as error:
        stream.close()
        raise FirstByteTimeout from error
    except BaseException:
        stream.close()
        raise
    return Begun(stream, relay, held)


async def fed(relay: Relay, piece: bytes | Frames) -> Frames:
    """What the relay makes of these bytes, or frames. An event may be a whole picture, which is looked through in a thread,
    with the bytes that may end it."""
    if not isinstance(piece, bytes):
        return await offload(sum(map(len, piece)), relay.take, piece)
    waiting = relay.waiting
    if waiting and b"\n" not in piece and b"\r" not in piece:
        waiting = 0
    return await offload(waiting + len(piece), relay.feed, piece)
