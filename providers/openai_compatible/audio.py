"""How does an OpenAI-compatible vendor turn text into speech?

Formats: OpenAI's OpenAPI document of August 2026, `/audio/*`.
"""

from __future__ import annotations

from base64 import b64encode
from functools import partial

from providers.bytes import sse
from providers.errors import EmptyStream, InvalidResponse
from providers.http_vendor import read_all
from providers.openai_compatible.base import VendorBase
from providers.openai_compatible.either_form import OpenAIStream
from providers.openai_compatible.operators_fields import Changes
from providers.openai_compatible.presets import Quirk
from providers.transport import Transport
from providers.types import EVENT_STREAM, Call, ReplyStream
from providers.wire import openai_speech
from providers.wire.openai.good_answer import failure_in_whole

DELTA = b'data: {"type":"speech.audio.delta","audio":"%b"}\n\n'
LAST = sse.frame_of(b'{"type":"speech.audio.done","usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0}}')
"""The last event; the upstream did not report any tokens."""


class AudioMethods(VendorBase):
    """Text to speech."""

    async def speak(self, call: Call, transport: Transport) -> ReplyStream:
        as_samples = Quirk.SPEAKS_SAMPLES in self.preset.quirks and call.fields.raw("response_format") in (None, b"null")
        stream = await self.sound(call, transport, {"response_format": b'"mp3"'} if as_samples else None)
        return SoundAsEvents(stream) if call.stream and stream.content_type is not EVENT_STREAM else stream

    async def sound(self, call: Call, transport: Transport, changes: Changes | None = None) -> OpenAIStream:
        """The answer to a request with some fields changed: audio, or events with audio."""
        added = tuple(name for name, value in (changes or {}).items() if value is not None and name not in call.fields.spans)
        stream = await self.refusals.left_out(call.capability, added, partial(self._sound, call, transport, changes))
        stream.content_type = openai_speech.content_type_of(stream.headers, call.fields)
        if stream.content_type:
            return stream
        try:
            body = await read_all(stream)
        finally:
            stream.close()
        raise failure_in_whole(body) or InvalidResponse("the answer is not audio")

    async def _sound(self, call: Call, transport: Transport, changes: Changes | None, refused: frozenset[str]) -> OpenAIStream:
        return await self.stream(self.request(call, self.body(call, changes, refused)), call, transport)


class SoundAsEvents:
    """The audio of an upstream that does not stream events, as OpenAI's events: one for each piece that arrives."""

    content_type = EVENT_STREAM

    def __init__(self, stream: OpenAIStream) -> None:
        self.wire, self.lossy = stream.wire, stream.lossy
        self.extend, self.close = stream.extend, stream.close
        self._next = stream.next
        self._begun = self._ended = False

    async def next(self) -> bytes:
        if self._ended:
            return b""
        if sound := await self._next():
            self._begun = True
            return DELTA % b64encode(sound)
        if not self._begun:
            raise EmptyStream
        self._ended = True
        return LAST
