"""What if an upstream answers in the other form: with a whole answer where a stream was requested, or with a stream?

The first bytes tell which it is, not the content type, which such upstreams get wrong as well. Leading blank lines tell nothing:
some upstreams send them to keep the connection alive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from providers.errors import ResponseTooLarge
from providers.http_vendor import read_all
from providers.offload import offload
from providers.transport import MAX_REPLY_BYTES, UpstreamStream
from providers.types import EVENT_STREAM, Wire
from providers.wire.anthropic_messages.either_form import message_events, message_of
from providers.wire.gemini.either_form import content_events, content_of
from providers.wire.openai_chat.chunks_to_completion import chat_of, text_of
from providers.wire.openai_chat.completion_to_chunks import chat_events, text_events
from providers.wire.openai_responses.response_to_events import response_events, response_of

_LEAD = re.compile(rb"[\xef\xbb\xbf \t\r\n]*")
JSON = (b"{", b"[")
EVENTS = (b"data", b"event", b":", b"id", b"retry")
"""How a line of a stream begins."""
Remake = Callable[[bytes], bytes]
AS_EVENTS: Mapping[Wire, Remake] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: chat_events,
        Wire.OPENAI_COMPLETION: text_events,
        Wire.OPENAI_RESPONSES: response_events,
        Wire.ANTHROPIC_MESSAGES: message_events,
        Wire.GEMINI: content_events,
    }
)
AS_WHOLE: Mapping[Wire, Remake] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: chat_of,
        Wire.OPENAI_COMPLETION: text_of,
        Wire.OPENAI_RESPONSES: response_of,
        Wire.ANTHROPIC_MESSAGES: message_of,
        Wire.GEMINI: content_of,
    }
)


def as_whole(body: bytes, wire: Wire) -> bytes:
    """A whole answer: what the events say, if it is a stream. Raises `ProviderError`."""
    if body.startswith(JSON) or wire not in AS_WHOLE:
        return body
    return AS_WHOLE[wire](body) if body.startswith(EVENTS, _begin(body)) else body


def _begin(text: bytes) -> int:
    """Where the blank lines end."""
    match = _LEAD.match(text)
    return match.end() if match else 0


class OpenAIStream:
    """The stream of a vendor, its bytes untouched. If it turns out to be a whole answer, it is converted to events; reading
    it may take `total` seconds from its first bytes."""

    def __init__(self, stream: UpstreamStream, wire: Wire, lossy: tuple[str, ...] = (), total: float = 0.0) -> None:
        self.wire = wire
        self.content_type = EVENT_STREAM
        self.lossy = lossy
        self.headers = stream.headers
        self.next: Callable[[], Coroutine[Any, Any, bytes]] = self._first if wire in AS_EVENTS else stream.next
        self.extend = stream.extend
        self.close = stream.close
        self._stream = stream
        self._total = total

    async def _first(self) -> bytes:
        """The first bytes; those after the blank lines tell what it is."""
        chunk = await self._stream.next()
        begin = _begin(chunk)
        if chunk.startswith(JSON, begin):
            self.next = self._nothing
            self.extend(self._total)
            body = chunk[begin:] + await read_all(self._stream, MAX_REPLY_BYTES)
            if len(body) > MAX_REPLY_BYTES:
                raise ResponseTooLarge(f"the answer is longer than {MAX_REPLY_BYTES} bytes")
            return await offload(len(body), AS_EVENTS[self.wire], body)
        if begin < len(chunk):
            self.next = self._stream.next
        return chunk

    async def _nothing(self) -> bytes:
        return b""
