"""How does an OpenAI-compatible vendor speak and listen?

Formats: OpenAI's OpenAPI document of August 2026, `/audio/*`.
"""

from __future__ import annotations

from providers.errors import InvalidResponse
from providers.openai_compatible.base import Changes, OpenAIStream, VendorBase
from providers.transport import Transport
from providers.types import Call, ReplyStream
from providers.wire import openai_speech


class AudioMethods(VendorBase):
    """The capabilities of sound."""

    async def speak(self, call: Call, transport: Transport) -> ReplyStream:
        return await self.sound(call, transport)

    async def sound(self, call: Call, transport: Transport, changes: Changes | None = None) -> OpenAIStream:
        """What the upstream says to a request with some fields changed: sound, or events of it."""
        stream = await self.stream(self.request(call, self.body(call, changes)), call, transport)
        stream.content_type = openai_speech.content_type_of(stream.headers, call.fields)
        if not stream.content_type:
            stream.close()
            raise InvalidResponse("the answer is no sound")
        return stream
