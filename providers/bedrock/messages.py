"""How do Anthropic's models answer at Bedrock? With events of the Messages API, each in a frame of AWS's event stream.

Reference: `InvokeModelWithResponseStream` of botocore 1.44.8 (`chunk`: `{"bytes": base64}`), "Anthropic Claude Messages API" in
the user guide of Bedrock.
"""

from __future__ import annotations

import msgspec

from providers.bytes import sse
from providers.bytes.event_stream import EventStreamSplitter, read
from providers.bytes.patch import InvalidJson, fields_of, patch
from providers.canonical.answer import Failure
from providers.errors import InvalidResponse, ProviderError
from providers.transport import UpstreamStream
from providers.types import EVENT_STREAM, Wire
from providers.wire.bedrock_converse.errors import failure_of_told

CHUNK = "chunk"
METRICS = "amazon-bedrock-invocationMetrics"
"""What Bedrock adds to the last event."""


class _Chunk(msgspec.Struct):
    data: bytes = msgspec.field(name="bytes")


class _Said(msgspec.Struct):
    message: str = ""
    code: str = ""


_chunk = msgspec.json.Decoder(_Chunk).decode
_said = msgspec.json.Decoder(_Said).decode


class MessageStream:
    """A `ReplyStream` of the Messages API."""

    wire = Wire.ANTHROPIC_MESSAGES
    content_type = EVENT_STREAM

    def __init__(self, stream: UpstreamStream, lossy: tuple[str, ...]) -> None:
        self.lossy = lossy
        self.headers = stream.headers
        self.extend, self.close = stream.extend, stream.close
        self._stream = stream
        self._splitter = EventStreamSplitter()
        self._error: ProviderError | None = None

    async def next(self) -> bytes:
        """Raises what the upstream tells, after the events before it."""
        if self._error is not None:
            raise self._error
        while chunk := await self._stream.next():
            if out := self._events(chunk):
                return out
            if self._error is not None:
                raise self._error
        self._splitter.rest()
        return b""

    def _events(self, chunk: bytes) -> bytes:
        out = b""
        try:
            for frame in self._splitter.feed(chunk):
                out += event_of(frame)
        except ProviderError as error:
            self._error = error
        return out


def event_of(frame: bytes) -> bytes:
    """The server-sent event that a frame holds, nothing for one of another kind. Raises `ProviderError` for an exception."""
    payload, name = read(frame)
    try:
        if name != CHUNK:
            return _other(payload, name)
        fields = fields_of(_chunk(payload).data)
        kind = msgspec.json.decode(fields.raw("type") or b"", type=str)
    except (msgspec.DecodeError, InvalidJson) as error:
        raise InvalidResponse("an event cannot be read") from error
    data = patch(fields, {METRICS: None}) if METRICS in fields.spans else fields.body
    return b"event: %b\n%b" % (kind.encode(), sse.frame_of(data))


def _other(payload: bytes, name: str) -> bytes:
    """Nothing of an event that is new; an exception is raised."""
    if name != "error" and not name.endswith("Exception"):
        return b""
    said = _said(payload or b"{}")
    raise failure_of_told(Failure(message=said.message, type=said.code or name))
