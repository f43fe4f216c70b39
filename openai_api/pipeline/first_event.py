"""Has a stream really begun? Holds it back until its first content event, so that a failure can still fall over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from providers.errors import EmptyStream, FirstByteTimeout, IdleTimeout
from providers.masking import Mask
from providers.offload import offload
from providers.types import ReplyStream
from providers.wire.openai.relay import Relay


class Begun(msgspec.Struct):
    """A stream after the gate: the bytes held so far, and the rest to come."""

    stream: ReplyStream
    relay: Relay
    held: bytes
    mask: Callable[[], Mask] | None = None
    """What takes the secrets of the target out of an error, made when it is needed."""


async def first_event(stream: ReplyStream, relay: Relay) -> Begun:
    """Reads on until the first content event. Raises the upstream's own error if that comes first, `EmptyStream` if
    nothing does, `FirstByteTimeout` if it takes too long."""
    held: list[bytes] = []
    try:
        while not relay.started:
            chunk = await stream.next()
            held.append(await fed(relay, chunk) if chunk else relay.end())
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
    return Begun(stream, relay, b"".join(held))


def fed(relay: Relay, chunk: bytes) -> Awaitable[bytes]:
    """What the relay makes of these bytes. An event may be a whole picture, which is looked through in a thread, with the
    bytes that may end it."""
    waiting = relay.waiting
    if waiting and b"\n" not in chunk and b"\r" not in chunk:
        waiting = 0
    return offload(waiting + len(chunk), relay.feed, chunk)
