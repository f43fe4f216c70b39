"""Which vendors speak the OpenAI formats, and in what do they differ? One frozen row each.

Base addresses and key variables are those that each vendor documents for its OpenAI-compatible API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from providers.capabilities import Capability
from providers.wire.openai_transcription import FORMATS


class Auth(Enum):
    """Which header carries the key: `Authorization: Bearer K` or Azure's `api-key: K`."""

    BEARER = auto()
    API_KEY = auto()


class Quirk(Enum):
    KEEPS_RESPONSES = auto()
    """Knows a response again by its id; others make one and forget it."""
    FLOATS_ONLY = auto()
    """Refuses `encoding_format`; embeddings come as lists of numbers."""
    NO_STREAM_OPTIONS = auto()
    """Refuses `stream_options`; sends usage with its last chunk unasked."""
    RETURNS_REASONING = auto()
    """Wants the reasoning that led to a tool call back, with the call."""
    SPEAKS_SAMPLES = auto()
    """Speaks raw samples unless it is asked for another format; OpenAI's default is mp3."""
    RANKS_IN_DATA = auto()
    """Its reranker answers with `data` in place of `results`, and documents that are bare texts."""


CHAT = MappingProxyType({Capability.CHAT: "/chat/completions"})
TEXT = MappingProxyType({**CHAT, Capability.COMPLETION: "/completions"})
EMBEDDING = MappingProxyType({Capability.EMBEDDING: "/embeddings"})
RESPONSES = MappingProxyType({Capability.RESPONSES: "/responses"})
MODERATION = MappingProxyType({Capability.MODERATION: "/moderations"})
RERANK = MappingProxyType({Capability.RERANK: "/rerank"})
TRANSCRIPTION = MappingProxyType({Capability.AUDIO_TRANSCRIPTION: "/audio/transcriptions"})
LISTENING = MappingProxyType({**TRANSCRIPTION, Capability.AUDIO_TRANSLATION: "/audio/translations"})
SPEECH = MappingProxyType({Capability.TEXT_TO_SPEECH: "/audio/speech"})
IMAGES = MappingProxyType({Capability.IMAGE_GENERATION: "/images/generations", Capability.IMAGE_EDIT: "/images/edits"})
VARIATIONS = MappingProxyType({Capability.IMAGE_VARIATION: "/images/variations"})
SOUND_AND_IMAGES = MappingProxyType({**LISTENING, **SPEECH, **IMAGES, **VARIATIONS})
OPENAI = MappingProxyType({**TEXT, **EMBEDDING, **MODERATION, **SOUND_AND_IMAGES})
EVERYTHING = MappingProxyType({**OPENAI, **RERANK})
TRANSCRIPTS = frozenset(FORMATS)
NO_SPEAKERS = TRANSCRIPTS - {"diarized_json"}
NO_SUBTITLES = frozenset({"json", "text", "verbose_json"})


def paths(*tables: Mapping[Capability, str]) -> Mapping[Capability, str]:
    """The tables as one."""
    return MappingProxyType({capability: path for table in tables for capability, path in table.items()})


Renames = Mapping[Capability, Mapping[str, str]]
NO_NAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Preset:
    """One vendor. `api_base` "" must be given by the operator. `paths` are its capabilities, each with its path below the
    base address, or with its whole address where that is another. `renames` gives fields of a capability's requests the
    vendor's names; "" is for those that it does not take, which are left out and named in the answer. `options` are the
    settings of this type with their defaults (None: required)."""

    name: str
    label: str
    api_base: str = ""
    key_variable: str = ""
    needs_key: bool = True
    auth: Auth = Auth.BEARER
    paths: Mapping[Capability, str] = field(default_factory=lambda: CHAT)
    renames: Renames = field(default_factory=lambda: MappingProxyType({}))
    quirks: frozenset[Quirk] = frozenset()
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    transcripts: frozenset[str] = TRANSCRIPTS
    """The formats in which it transcribes; text and subtitles that are not among them are made of its JSON."""


def renames(**of: Mapping[str, str]) -> Renames:
    """The new names of fields, by the name of the capability."""
    return MappingProxyType({Capability(name): MappingProxyType(dict(names)) for name, names in of.items()})


MAX_TOKENS = MappingProxyType({"max_completion_tokens": "max_tokens"})
OLD_LIMIT = renames(chat=MAX_TOKENS)
KEEPS = frozenset({Quirk.KEEPS_RESPONSES})
FLOATS_ONLY = frozenset({Quirk.FLOATS_ONLY})
GENERATION = MappingProxyType({Capability.IMAGE_GENERATION: "/images/generations"})
COHERE_RERANK = MappingProxyType({Capability.RERANK: "https://api.cohere.com/v2/rerank"})
DEEPSEEK_BETA = MappingProxyType({Capability.COMPLETION: "https://api.deepseek.com/beta/completions"})

PRESETS = (
    Preset("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY", paths=paths(OPENAI, RESPONSES), quirks=KEEPS),
    Preset(
        "openai_responses",
        "OpenAI, responses only",
        "https://api.openai.com/v1",
        "OPENAI_RESPONSES_API_KEY",
        paths=RESPONSES,
        quirks=KEEPS,
    ),
    Preset(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        paths=paths(CHAT, LISTENING, SPEECH, RESPONSES),
        transcripts=NO_SUBTITLES,
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        paths=paths(CHAT, DEEPSEEK_BETA),
        renames=OLD_LIMIT,
        quirks=frozenset({Quirk.RETURNS_REASONING}),
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        paths=paths(CHAT, EMBEDDING, RERANK, SPEECH, TRANSCRIPTION, RESPONSES),
        quirks=frozenset({Quirk.SPEAKS_SAMPLES}),
        transcripts=frozenset({"json"}),
    ),
    Preset("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY", paths=TEXT, renames=OLD_LIMIT),
    Preset("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", paths=TEXT),
    Preset("perplexity", "Perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", renames=OLD_LIMIT),
    Preset(
        "nvidia",
        "NVIDIA",
        "https://integrate.api.nvidia.com/v1",
        "NVIDIA_API_KEY",
        paths=paths(CHAT, EMBEDDING),
        renames=OLD_LIMIT,
    ),
    Preset(
        "cohere",
        "Cohere",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
        paths=paths(CHAT, EMBEDDING, COHERE_RERANK),
        renames=OLD_LIMIT,
        quirks=FLOATS_ONLY,
    ),
    Preset("jina", "Jina", "https://api.jina.ai/v1", "JINA_API_KEY", paths=paths(EMBEDDING, RERANK), quirks=FLOATS_ONLY),
    Preset(
        "voyage",
        "Voyage",
        "https://api.voyageai.com/v1",
        "VOYAGE_API_KEY",
        paths=paths(EMBEDDING, RERANK),
        renames=renames(embedding={"dimensions": "output_dimension", "user": ""}, rerank={"top_n": "top_k"}),
        quirks=frozenset({Quirk.FLOATS_ONLY, Quirk.RANKS_IN_DATA}),
    ),
    Preset(
        "deepinfra",
        "DeepInfra",
        "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
        paths=paths(TEXT, EMBEDDING),
        quirks=FLOATS_ONLY,
    ),
    Preset(
        "nebius",
        "Nebius",
        "https://api.tokenfactory.nebius.com/v1",
        "NEBIUS_API_KEY",
        paths=paths(TEXT, EMBEDDING, GENERATION),
        quirks=FLOATS_ONLY,
    ),
    Preset(
        "novita",
        "Novita",
        "https://api.novita.ai/openai/v1",
        "NOVITA_API_KEY",
        paths=paths(TEXT, EMBEDDING, RERANK),
        renames=OLD_LIMIT,
        quirks=FLOATS_ONLY,
    ),
    Preset(
        "sambanova",
        "SambaNova",
        "https://api.sambanova.ai/v1",
        "SAMBANOVA_API_KEY",
        paths=paths(TEXT, EMBEDDING, LISTENING),
        quirks=FLOATS_ONLY,
        transcripts=NO_SPEAKERS,
    ),
    Preset(
        "vllm",
        "vLLM",
        key_variable="VLLM_API_KEY",
        needs_key=False,
        paths=paths(TEXT, EMBEDDING, RERANK, LISTENING, RESPONSES),
        transcripts=NO_SUBTITLES,
    ),
    Preset("sglang", "SGLang", key_variable="SGLANG_API_KEY", needs_key=False, paths=paths(TEXT, EMBEDDING)),
    Preset("tgi", "Text Generation Inference", key_variable="TGI_API_KEY", needs_key=False, paths=TEXT, renames=OLD_LIMIT),
    Preset("lm_studio", "LM Studio", "http://127.0.0.1:1234/v1", needs_key=False, paths=paths(TEXT, EMBEDDING)),
    Preset("llama_cpp", "llama.cpp", "http://127.0.0.1:8080/v1", needs_key=False, paths=paths(TEXT, EMBEDDING, RERANK)),
    Preset("openai_compatible", "Other OpenAI-compatible", needs_key=False, paths=EVERYTHING),
)
