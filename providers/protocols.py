"""Which methods must an adapter have to speak a wire? Their signatures, one protocol each, and the table that derives from them
what a target can serve."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from providers.capabilities import Capability
from providers.transport import Transport
from providers.types import Call, Reply, ReplyStream, Wire


@runtime_checkable
class Chat(Protocol):
    """`OPENAI_CHAT`: chat completions. Both methods raise `ProviderError`. `returns_reasoning` says that the upstream
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
    """`OPENAI_COMPLETION`: OpenAI's older completions of a prompt."""

    async def complete(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Embedding(Protocol):
    """`OPENAI_EMBEDDING`: the answer has the `encoding_format` that was asked for."""

    async def embed(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Rerank(Protocol):
    """`RERANK`: documents in the order of their relevance, as Cohere and Jina have it."""

    async def rerank(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Moderation(Protocol):
    """`OPENAI_MODERATION`: is a text or a picture harmful?"""

    async def moderate(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Transcription(Protocol):
    """`OPENAI_TRANSCRIPTION`: what is said in `call.form`'s file, in the `response_format` asked for."""

    async def transcribe(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Translation(Protocol):
    """`OPENAI_TRANSLATION`: what is said there, in English."""

    async def translate(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Speech(Protocol):
    """`OPENAI_SPEECH`: the sound of a text, passed on while it is made."""

    async def speak(self, call: Call, transport: Transport) -> ReplyStream: ...


@runtime_checkable
class ImageGeneration(Protocol):
    """`OPENAI_IMAGE`: pictures made from a prompt."""

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class ImageEdit(Protocol):
    """`OPENAI_IMAGE_EDIT`: pictures changed by a prompt; the call is a form or JSON."""

    async def edit_image(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Responses(Protocol):
    """`OPENAI_RESPONSES`: OpenAI's Responses API, at the upstream itself."""

    async def respond(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...

    async def ask_response(self, call: Call, transport: Transport, method: str, path: str) -> Reply | ReplyStream:
        """Something that is done with responses there are: `path` stands below `/responses`, with its query."""
        ...


@runtime_checkable
class ImageVariation(Protocol):
    """`OPENAI_IMAGE_VARIATION`: pictures that are like one."""

    async def vary_image(self, call: Call, transport: Transport) -> Reply: ...


@runtime_checkable
class Messages(Protocol):
    """`ANTHROPIC_MESSAGES`: Anthropic's Messages API."""

    async def create_message(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class GenerateContent(Protocol):
    """`GEMINI`: Gemini's `generateContent` and `streamGenerateContent`."""

    async def generate_content(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class Converse(Protocol):
    """`BEDROCK_CONVERSE`: `Converse` and `ConverseStream` of AWS Bedrock."""

    async def converse(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class OllamaChat(Protocol):
    """`OLLAMA`: Ollama's own `/api/chat`."""

    async def ollama_chat(self, call: Call, transport: Transport) -> Reply | ReplyStream: ...


@runtime_checkable
class CountsTokens(Protocol):
    """An upstream that counts the tokens of a request in its own wire of conversations; beside the methods of that wire."""

    async def count_tokens(self, call: Call, transport: Transport) -> int:
        """The tokens of the call, which is asked in no other way. Raises `ProviderError`."""
        ...


class Methods(NamedTuple):
    """The names of the methods that take a wire's calls, for whole answers and for streams, and the capability whose own format
    the wire is."""

    capability: Capability
    whole: str
    streamed: str


def _one(capability: Capability, name: str) -> Methods:
    return Methods(capability, name, name)


METHODS: Mapping[Wire, Methods] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: Methods(Capability.CHAT, "chat", "stream_chat"),
        Wire.ANTHROPIC_MESSAGES: _one(Capability.CHAT, "create_message"),
        Wire.GEMINI: _one(Capability.CHAT, "generate_content"),
        Wire.BEDROCK_CONVERSE: _one(Capability.CHAT, "converse"),
        Wire.OLLAMA: _one(Capability.CHAT, "ollama_chat"),
        Wire.OPENAI_RESPONSES: _one(Capability.RESPONSES, "respond"),
        Wire.OPENAI_COMPLETION: _one(Capability.COMPLETION, "complete"),
        Wire.OPENAI_EMBEDDING: _one(Capability.EMBEDDING, "embed"),
        Wire.RERANK: _one(Capability.RERANK, "rerank"),
        Wire.OPENAI_MODERATION: _one(Capability.MODERATION, "moderate"),
        Wire.OPENAI_TRANSCRIPTION: _one(Capability.AUDIO_TRANSCRIPTION, "transcribe"),
        Wire.OPENAI_TRANSLATION: _one(Capability.AUDIO_TRANSLATION, "translate"),
        Wire.OPENAI_SPEECH: _one(Capability.TEXT_TO_SPEECH, "speak"),
        Wire.OPENAI_IMAGE: _one(Capability.IMAGE_GENERATION, "generate_image"),
        Wire.OPENAI_IMAGE_EDIT: _one(Capability.IMAGE_EDIT, "edit_image"),
        Wire.OPENAI_IMAGE_VARIATION: _one(Capability.IMAGE_VARIATION, "vary_image"),
    }
)
"""Every wire, the better ones first where several are of one capability."""

CONVERSATION = (Capability.CHAT, Capability.RESPONSES)
"""Capabilities whose wires all tell a conversation, so that calls can be converted from one to another."""


def wires_of(adapter: type) -> frozenset[Wire]:
    """The wires whose methods the adapter class has."""
    return frozenset(wire for wire, of in METHODS.items() if hasattr(adapter, of.whole) and hasattr(adapter, of.streamed))


def serving(wires: Collection[Wire]) -> Mapping[Capability, tuple[Wire, ...]]:
    """What can be served with these wires: for each capability those that do it, its own first, then those of other
    conversations, to which calls are converted."""
    own = {capability: _of(wires, (capability,)) for capability in Capability}
    talk = _of(wires, CONVERSATION)
    more = {capability: tuple(dict.fromkeys((*own[capability], *talk))) for capability in CONVERSATION}
    return MappingProxyType({capability: found for capability, found in (own | more).items() if found})


def _of(wires: Collection[Wire], capabilities: tuple[Capability, ...]) -> tuple[Wire, ...]:
    return tuple(wire for wire, methods in METHODS.items() if wire in wires and methods.capability in capabilities)
