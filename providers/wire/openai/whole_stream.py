"""Which objects are told by a stream that is there as a whole?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.bytes import sse
from providers.bytes.halves import Halves, told_fields
from providers.bytes.patch import InvalidJson
from providers.errors import InvalidResponse
from providers.wire.openai.framing import DONE
from providers.wire.openai.good_answer import error_in

Json = dict[str, Any]


def chunks_in(body: bytes) -> Iterator[Json | None]:
    """The objects of a stream, and None for its `[DONE]`. Raises the error that one of them is, or `InvalidResponse`."""
    halves = Halves()
    for data in data_in(body):
        if data == DONE:
            yield None
            continue
        try:
            failure = error_in(told_fields(data))
            chunk = halves.decoded(data)
        except (InvalidJson, ValueError) as error:
            raise InvalidResponse("a chunk is not JSON") from error
        if failure is not None:
            raise failure
        yield chunk


def data_in(body: bytes) -> Iterator[bytes]:
    """The data of each event of a stream that is there as a whole."""
    splitter = sse.FrameSplitter()
    frames = splitter.feed(body)
    for frame in (*frames, splitter.rest().rstrip(b"\r\n") + b"\n\n"):
        data = (sse.data_of(frame) or b"").strip()
        if data:
            yield data
