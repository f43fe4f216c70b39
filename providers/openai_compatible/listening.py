"""How does an OpenAI-compatible vendor transcribe and translate audio?

Formats: OpenAI's OpenAPI document of August 2026, `/audio/transcriptions` and `/audio/translations`.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

from providers.bytes.multipart import Form
from providers.errors import InvalidResponse, Unsupported
from providers.http_vendor import read_all
from providers.offload import offload
from providers.openai_compatible.base import VendorBase
from providers.transport import Headers, Transport, UpstreamRequest, find_header
from providers.types import EVENT_STREAM, Call, Reply, ReplyStream, Wire
from providers.wire.openai.good_answer import answer_of, failure_in_whole
from providers.wire.openai.usage import usage_of
from providers.wire.openai_transcription import FORMATS, PLAIN, TEXTS, events_of, format_of, text_of

MADE_OF = MappingProxyType({"text": "json", "srt": "verbose_json", "vtt": "verbose_json"})
"""The formats that the gateway can make, and what it asks for instead."""
FORMAT = "response_format"
TEXTUAL = (b"text/", b"application/x-subrip", b"application/octet-stream")
NO_TRANSCRIPT = frozenset({b"text/html", b"text/event-stream"})
MAX_TRANSCRIPT = 16 * 1024 * 1024
"""Bytes of a whole transcript where a stream was requested."""


class ListeningMethods(VendorBase):
    """Transcription and translation."""

    async def transcribe(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self._listen(call, transport)

    async def translate(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self._listen(call, transport)

    def asking(self, asked: str, has: frozenset[str]) -> dict[str, str | None]:
        """The fields of the form that differ for an upstream that `has` some formats, so that an answer in the format `asked`
        can be given. Raises `Unsupported` when none can."""
        if asked in has:
            return {}
        instead = MADE_OF.get(asked)
        if instead in has:
            return {"response_format": instead, "timestamp_granularities": None}  # by default, of segments
        known = ", ".join(name for name in FORMATS if name in has or MADE_OF.get(name) in has)
        message = f"{self.preset.label} does not support the response format {asked!r}; it supports {known}."
        raise Unsupported(400, message, code="unsupported_value", param="response_format")

    async def _listen(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        """An upstream that rejects a format is asked for one that can be converted to it; see `_added`."""
        asked = format_of(call.form or Form())
        ask = partial(self._heard, call, transport, asked)
        return await self.refusals.left_out(call.capability, self._added(call, asked), ask)

    def _added(self, call: Call, asked: str) -> tuple[str, ...]:
        """What is sent by the gateway's own choice: formats, in the order in which they are tried, and other fields."""
        form, has = call.form or Form(), self.preset.transcripts
        tried = (asked, MADE_OF[asked]) if asked in TEXTS else ()
        formats = tuple(f"{FORMAT}={name}" for name in tried if name in has and name != "json")
        default = (FORMAT,) if asked in ("json", "text") else ()
        others = (name for name, value in self.asking(asked, has).items() if value is not None and name != FORMAT)
        return (*formats, *default, *(name for name in others if form.first(name) is None))

    async def _heard(self, call: Call, transport: Transport, asked: str, refused: frozenset[str]) -> Reply | ReplyStream:
        has = frozenset(name for name in self.preset.transcripts if f"{FORMAT}={name}" not in refused)
        request = self.encoded(call, self.asking(asked, has) | dict.fromkeys(name for name in refused if "=" not in name))
        if call.stream:
            return await self._events(request, call, transport)
        answer = await transport.fetch(request)
        body = self.good(answer, call.wire)
        if asked not in TEXTS:
            fields = await offload(len(body), answer_of, body, "text")
            return Reply(wire=call.wire, body=body, fields=fields, lossy=self.dropped(call))
        if not is_json(answer.headers):
            if (failure := failure_in_whole(body)) is not None:
                raise failure
            return Reply(wire=call.wire, body=body, content_type=PLAIN, lossy=self.dropped(call))
        made, found = await offload(len(body), text_of, body, asked)
        usage = usage_of(found) if found else None
        return Reply(wire=call.wire, body=made, content_type=PLAIN, lossy=self.dropped(call), usage=usage)

    async def _events(self, request: UpstreamRequest, call: Call, transport: Transport) -> ReplyStream:
        """The upstream's events, or events made of its whole answer if it does not stream."""
        stream = await self.stream(request, call, transport)
        if kind_of(stream.headers) == b"text/event-stream":
            return stream
        stream.extend(self.config.timeouts.streamed.total)
        try:
            json = is_json(stream.headers)
            body = await read_all(stream, MAX_TRANSCRIPT)
        finally:
            stream.close()
        return MadeStream(call.wire, await offload(len(body), events_of, body, json=json), self.dropped(call))


class MadeStream:
    """A stream whose events are all there."""

    content_type = EVENT_STREAM

    def __init__(self, wire: Wire, events: bytes, lossy: tuple[str, ...] = ()) -> None:
        self.wire = wire
        self.lossy = lossy
        self._events = events

    async def next(self) -> bytes:
        events, self._events = self._events, b""
        return events

    def extend(self, seconds: float) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """It holds no connection."""


def kind_of(headers: Headers) -> bytes:
    """The content type without its parameters."""
    return (find_header(headers, b"content-type") or b"").split(b";")[0].strip().lower()


def is_json(headers: Headers) -> bool:
    """Whether an answer is JSON; if not, it is text. Raises `InvalidResponse` if it is neither."""
    kind = kind_of(headers)
    if kind == b"application/json":
        return True
    if kind and (kind in NO_TRANSCRIPT or not kind.startswith(TEXTUAL)):
        raise InvalidResponse(f"the answer is not a transcript: its content type is {kind[:50]!r}")
    return False
