"""Has a stream really begun? Holds it back until its first content event, so that a failure can still fall over."""

from __future__ import annotations

from openai_api.pipeline.streams import Begun, fed
from providers.bytes.sse import Frames
from providers.errors import EmptyStream, FirstByteTimeout, IdleTimeout
from providers.types import FrameStream, ReplyStream
from providers.wire.openai.relay import Relay


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
