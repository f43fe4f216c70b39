"""What are things called? By the semantic conventions for generative AI, in the two versions that are spoken.

`released` is OpenTelemetry's semantic conventions 1.41, the last that had a part for generative AI, which collectors and
dashboards know. `latest` is the first release of the repository to which that part has moved, semantic-conventions-genai 0.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from providers.canonical.answer import StopReason
from providers.capabilities import Capability


class Conventions(StrEnum):
    RELEASED = "released"
    LATEST = "latest"


SCHEMA_URLS: Mapping[Conventions, str] = {Conventions.RELEASED: "https://opentelemetry.io/schemas/1.41.0", Conventions.LATEST: ""}
"""The other has none that is published."""

Named = Mapping[Conventions, str]


def _named(released: str, latest: str | None = None) -> Named:
    return MappingProxyType({Conventions.RELEASED: released, Conventions.LATEST: released if latest is None else latest})


ATTRIBUTES: Mapping[str, Named] = MappingProxyType(
    {
        "operation": _named("gen_ai.operation.name"),
        "provider": _named("gen_ai.provider.name"),
        "conversation": _named("gen_ai.conversation.id"),
        "agent": _named("gen_ai.agent.id"),
        "output type": _named("gen_ai.output.type"),
        "model asked for": _named("gen_ai.request.model"),
        "model that answered": _named("gen_ai.response.model"),
        "stream": _named("gen_ai.request.stream"),
        "longest answer": _named("gen_ai.request.max_tokens"),
        "temperature": _named("gen_ai.request.temperature"),
        "top_p": _named("gen_ai.request.top_p"),
        "top_k": _named("gen_ai.request.top_k"),
        "presence penalty": _named("gen_ai.request.presence_penalty"),
        "frequency penalty": _named("gen_ai.request.frequency_penalty"),
        "seed": _named("gen_ai.request.seed"),
        "choices": _named("gen_ai.request.choice.count"),
        "effort": _named("", "gen_ai.request.reasoning.level"),
        "dimensions": _named("gen_ai.embeddings.dimension.count"),
        "encoding": _named("gen_ai.request.encoding_formats"),
        "answer's id": _named("gen_ai.response.id"),
        "finish reasons": _named("gen_ai.response.finish_reasons"),
        "time to the first chunk": _named("gen_ai.response.time_to_first_chunk"),
        "input tokens": _named("gen_ai.usage.input_tokens"),
        "output tokens": _named("gen_ai.usage.output_tokens"),
        "tokens from the cache": _named("gen_ai.usage.cache_read.input_tokens"),
        "tokens to the cache": _named("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"),
        "tokens of thoughts": _named("gen_ai.usage.reasoning.output_tokens"),
        "system": _named("gen_ai.system_instructions"),
        "input": _named("gen_ai.input.messages"),
        "output": _named("gen_ai.output.messages"),
        "tools": _named("gen_ai.tool.definitions"),
    }
)
"""Ours → theirs. "" is what a version has no name for, which is then not told."""

ITSELF = "signalbox"
"""The provider of what no upstream was asked for."""
INFERENCE = frozenset({"chat", "text_completion"})
"""Operations that the conventions call inference."""
EMBEDDINGS = "embeddings"

OUTPUT_TYPES: Mapping[Capability, str] = MappingProxyType(
    {
        Capability.IMAGE_GENERATION: "image",
        Capability.IMAGE_EDIT: "image",
        Capability.IMAGE_VARIATION: "image",
        Capability.TEXT_TO_SPEECH: "speech",
    }
)
"""What requests for a capability are answered with, where it is no text."""

FINISH: Mapping[StopReason, str] = MappingProxyType(
    {
        StopReason.END: "stop",
        StopReason.SEQUENCE: "stop",
        StopReason.LENGTH: "length",
        StopReason.CONTEXT: "length",
        StopReason.CALLS: "tool_call",
        StopReason.PAUSE: "stop",
        StopReason.COMPACTED: "stop",
        StopReason.REFUSAL: "content_filter",
        StopReason.FILTER: "content_filter",
    }
)
"""Why an answer ended, in the conventions' words; any other reason is `error`."""
FAILED = "error"


def finish_of(reason: StopReason | None) -> str:
    return FAILED if reason is None else FINISH.get(reason, FAILED)
