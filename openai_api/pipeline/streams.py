"""What do the steps know of a stream on its way? What relays it, and which frames have been held back."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.bytes.sse import Frames
from providers.masking import Mask
from providers.offload import LARGE, offload
from providers.types import FrameStream, Reply, ReplyStream
from providers.wire.openai.relay import Relay


class Begun(msgspec.Struct):
    """A stream whose first content event has come: the frames held so far, and the rest to come."""

    stream: ReplyStream | FrameStream
    relay: Relay
    held: Frames
    mask: Callable[[], Mask] | None = None
    """What takes the secrets of the target out of an error, made when it is needed."""


Answer = Reply | Begun


async def fed(relay: Relay, piece: bytes | Frames) -> Frames:
    """What the relay makes of these bytes, or frames. An event may be a whole picture, which is looked through in a thread,
    with the bytes that may end it."""
    if not isinstance(piece, bytes):
        return await offload(sum(map(len, piece)), relay.take, piece)
    waiting = relay.waiting
    if waiting and b"\n" not in piece and b"\r" not in piece:
        waiting = 0
    size = waiting + len(piece)
    return relay.feed(piece) if size <= LARGE else await offload(size, relay.feed, piece)
