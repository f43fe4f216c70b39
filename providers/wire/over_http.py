"""What must be known of a wire to speak it over HTTP? How its streams are framed, what its failures mean, and where its answers
tell the model and what was used.

Adapters look here by the wire of a call, and never name the errors of one vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from providers.bytes.event_stream import AWS_EVENTS
from providers.bytes.framing import SSE, Framing
from providers.bytes.ndjson import NDJSON
from providers.bytes.patch import Fields
from providers.errors import ProviderError
from providers.transport import Headers
from providers.types import Usage, Wire
from providers.wire.anthropic_messages import usage as anthropic_usage
from providers.wire.bedrock_converse import errors as bedrock_errors
from providers.wire.bedrock_converse.codec.answers import usage as bedrock_usage
from providers.wire.gemini import errors as gemini_errors
from providers.wire.gemini import usage as gemini_usage
from providers.wire.ollama import usage as ollama_usage
from providers.wire.openai.errors import failure_of
from providers.wire.openai.usage import usage_of


class FailureOf(Protocol):
    """The error that an answer without a good status stands for."""

    def __call__(self, status: int, headers: Headers, body: bytes, *, named_by_client: bool = False) -> ProviderError:
        """`named_by_client` says that the path names something of the client's, which a 404 is then about."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class OverHttp:
    """One wire. `usage_of` reads what a whole answer says was used, None if it does not; `model_field` is the field of the answer
    that names the model, "" where there is none."""

    failure_of: FailureOf
    framing: Framing = SSE
    usage_of: Callable[[Fields], Usage | None] = usage_of
    model_field: str = "model"


OPENAI = OverHttp(failure_of)
OVER_HTTP: Mapping[Wire, OverHttp] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: OPENAI,
        Wire.OPENAI_COMPLETION: OPENAI,
        Wire.OPENAI_EMBEDDING: OPENAI,
        Wire.OPENAI_MODERATION: OPENAI,
        Wire.OPENAI_TRANSCRIPTION: OPENAI,
        Wire.OPENAI_TRANSLATION: OPENAI,
        Wire.OPENAI_SPEECH: OPENAI,
        Wire.OPENAI_IMAGE: OPENAI,
        Wire.OPENAI_IMAGE_EDIT: OPENAI,
        Wire.OPENAI_IMAGE_VARIATION: OPENAI,
        Wire.OPENAI_RESPONSES: OPENAI,
        Wire.RERANK: OPENAI,
        Wire.ANTHROPIC_MESSAGES: OverHttp(failure_of, SSE, anthropic_usage.usage_of),
        Wire.BEDROCK_CONVERSE: OverHttp(bedrock_errors.failure_of, AWS_EVENTS, bedrock_usage.usage_of, ""),
        Wire.GEMINI: OverHttp(gemini_errors.failure_of, SSE, gemini_usage.usage_of, "modelVersion"),
        Wire.OLLAMA: OverHttp(failure_of, NDJSON, ollama_usage.usage_of),
    }
)
"""Every wire. Rerankers and Ollama have no format of their own for errors, and Anthropic's is one of many: these are among those
that `wire/openai/` reads."""
