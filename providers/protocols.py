"""Which signature does each capability ask of an adapter? One protocol per capability."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream


@runtime_checkable
class Chat(Protocol):
    """`Capability.CHAT`: chat completions. Both methods raise `ProviderError`. `returns_reasoning` says that the upstream
    wants the reasoning back which led to a tool call."""

    @property
    def returns_reasoning(self) -> bool: ...

    async def chat(self, call: Call, transport: Transport) -> Reply:
        """The whole answer to a call with `stream` false."""
        ...

    async def stream_chat(self, call: Call, transport: Transport) -> ReplyStream:
        """The stream, returned once the upstream has accepted the call (its status was good)."""
        ...


# All further methods have one shape: the whole answer, or the stream, once the upstream has accepted the call, when
# `call.stream` is true or the answer may be long (speech). They raise `ProviderError`.


@runtime_checkable
class Completion(Protocol):
    """`Capability.COMPLETION`: OpenAI's older completions of a prompt."""

    async def complete(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Embedding(Protocol):
    """`Capability.EMBEDDING`: the answer has the `encoding_format` that was asked for."""

    async def embed(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Rerank(Protocol):
    """`Capability.RERANK`: documents in the order of their relevance, as Cohere and Jina have it."""

    async def rerank(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Moderation(Protocol):
    """`Capability.MODERATION`: is a text or a picture harmful?"""

    async def moderate(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Transcription(Protocol):
    """`Capability.AUDIO_TRANSCRIPTION`: what is said in `call.form`'s file, in the `response_format` asked for."""

    async def transcribe(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Translation(Protocol):
    """`Capability.AUDIO_TRANSLATION`: what is said there, in English."""

    async def translate(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Speech(Protocol):
    """`Capability.TEXT_TO_SPEECH`: the sound of a text, passed on while it is made."""

    async def speak(self, call: Call, transport: Transport) -> ReplyStream: ...


@runtime_checkable
class ImageGeneration(Protocol):
    """`Capability.IMAGE_GENERATION`: pictures made from a prompt."""

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class ImageEdit(Protocol):
    """`Capability.IMAGE_EDIT`: pictures changed by a prompt; the call is a form or JSON."""

    async def edit_image(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Responses(Protocol):
    """`Capability.RESPONSES`: OpenAI's Responses API, at the upstream itself."""

    async def respond(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...

    async def ask_response(self, call: Call, transport: Transport, method: str, path: str) -> Reply | ReplyStream:
        """Something that is done with responses there are: `path` stands below `/responses`, with its query."""
        ...


@runtime_checkable
class ImageVariation(Protocol):
    """`Capability.IMAGE_VARIATION`: pictures that are like one."""

    async def vary_image(self, call: Call, transport: Transport) -> Reply: ...
