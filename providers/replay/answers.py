"""How is a recorded answer given again? Byte for byte, in the pieces in which it was told, at the same pace if that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic

from providers.bytes.framing import SSE, Framing
from providers.bytes.ndjson import NDJSON
from providers.bytes.patch import InvalidJson, fields_of
from providers.convert.verbatim import VerbatimRelay
from providers.errors import StreamTruncated, UpstreamReset
from providers.recordings.lines import NO_BODY, RESPONSE, Line
from providers.replay.index import NotRecorded
from providers.types import Call, Reply, Usage, Wire
from providers.wire.over_http import OVER_HTTP

JSON = "application/json"
PIECE = 64 * 1024
"""Bytes of a piece of a stream whose own pieces are not known."""
FRAMINGS: tuple[tuple[str, Framing], ...] = (("text/event-stream", SSE), ("application/x-ndjson", NDJSON))


class RecordedStream:
    """A recorded stream. `relay` passes it on unchanged. It breaks where the recorded one was cut off."""

    lossy: tuple[str, ...] = ()

    def __init__(self, wire: Wire, line: Line, content_type: str, pieces: AsyncGenerator[bytes, None]) -> None:
        self.wire = wire
        self.content_type = content_type.encode("latin-1", "replace")
        framing = next((framing for kind, framing in FRAMINGS if content_type.startswith(kind)), None)
        self.relay = VerbatimRelay(wire, framing)
        self._complete = line.complete
        self._pieces = pieces

    async def next(self) -> bytes:
        piece = await anext(self._pieces, b"")
        if not piece and not self._complete:
            raise StreamTruncated("the recorded stream was cut off here")
        return piece

    def extend(self, seconds: float) -> None:
        """Its pace is the recorded one; nothing times out."""

    def close(self) -> None:
        """It holds nothing that needs to be given back."""


async def given(line: Line, data: bytes, call: Call, *, timed: bool) -> Reply | RecordedStream:
    """The recorded answer to the call; `data` are the bytes of its body. Raises what a recorded failure means."""
    body = line.body or NO_BODY
    if body.truncated:
        raise NotRecorded("The recorded answer was too long, and is left out of the recording.")
    began = monotonic()
    if line.type != RESPONSE:
        await _wait(began, line.duration_ms if timed else None)
        raise UpstreamReset(line.error_type or "")
    status = line.status_code or 200
    content_type = line.content_type or line.header("content-type") or JSON
    streamed = line.is_streaming or any(content_type.startswith(kind) for kind, _ in FRAMINGS)
    if 200 <= status < 300 and (streamed or call.wire is Wire.OPENAI_SPEECH):
        return RecordedStream(call.wire, line, content_type, _told(line, data, began, timed=timed))
    await _wait(began, line.duration_ms if timed else None)
    if not 200 <= status < 300:
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in line.header_pairs()]
        raise OVER_HTTP[call.wire].failure_of(status, headers, data)
    if not line.complete:
        raise UpstreamReset
    # Without fields it is passed on as it is, under the name of the model that it was recorded with.
    return Reply(wire=call.wire, body=data, content_type=content_type.encode("latin-1", "replace"), usage=_usage(call.wire, data))


async def _told(line: Line, data: bytes, began: float, *, timed: bool) -> AsyncGenerator[bytes, None]:
    """The pieces of a stream, each at its time."""
    frames = line.frames or []
    if sum(size for _, size in frames) != len(data):
        frames = [(line.first_byte_ms or 0.0, min(PIECE, len(data) - at)) for at in range(0, len(data), PIECE)]
    at = 0
    for ms, size in frames:
        await _wait(began, ms if timed else None)
        if size > 0:
            yield data[at : at + size]
        at += size


async def _wait(began: float, ms: float | None) -> None:
    """Until so many milliseconds after the beginning; without them the others get their turn."""
    await asyncio.sleep(max(0.0, began + ms / 1000 - monotonic()) if ms else 0)


def _usage(wire: Wire, data: bytes) -> Usage | None:
    try:
        return OVER_HTTP[wire].usage_of(fields_of(data))
    except InvalidJson:
        return None
