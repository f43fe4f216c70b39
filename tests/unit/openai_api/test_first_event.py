"""Does a stream's beginning hold up nobody, even when it is a whole picture?"""

from __future__ import annotations

import threading

import pytest

from openai_api.pipeline.first_event import first_event
from openai_api.pipeline.streams import fed
from providers.bytes.sse import Frames
from providers.types import EVENT_STREAM, Wire
from providers.wire.openai.relay import EventRelay

PICTURE = b'data: {"type":"image_generation.completed","b64_json":"' + b"QUJD" * 2**18 + b'"}\n\n'


class Watched(EventRelay):
    """Notes in which threads it works."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def feed(self, chunk: bytes) -> Frames:
        self.threads.append(threading.get_ident())
        return super().feed(chunk)


class Pieces:
    """A stream of these chunks."""

    content_type = EVENT_STREAM
    wire = Wire.OPENAI_IMAGE
    lossy: tuple[str, ...] = ()

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = [*chunks, b""]

    async def next(self) -> bytes:
        return self._chunks.pop(0)

    def extend(self, seconds: float) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize("size", [2**16, 2**21])
async def test_event_when_it_is_large_then_the_loop_does_not_look_through_it(size: int) -> None:
    chunks = [PICTURE[start : start + size] for start in range(0, len(PICTURE), size)]
    relay = Watched()
    begun = await first_event(Pieces(*chunks), relay)
    assert begun.held == [PICTURE]
    assert relay.threads[-1] != threading.get_ident()


async def test_event_when_it_is_small_then_no_thread_is_asked() -> None:
    relay = Watched()
    assert await fed(relay, b'data: {"type":"a"}\n\n') == [b'data: {"type":"a"}\n\n']
    assert relay.threads == [threading.get_ident()]
