"""Which vendors speak the OpenAI formats, and in what do they differ? One frozen row each.

Base addresses and key variables are those that each vendor documents for its OpenAI-compatible API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType


class Auth(Enum):
    """Which header carries the key: `Authorization: Bearer K` or Azure's `api-key: K`."""

    BEARER = auto()
    API_KEY = auto()


class Quirk(Enum):
    NO_STREAM_OPTIONS = auto()
    """Refuses `stream_options`; sends usage with its last chunk unasked."""
    DEPLOYMENT_IN_PATH = auto()
    """Names the model in the path and the API version in the query, unless the base ends in `/v1`."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One vendor. `api_base` "" must be given by the operator. `renames` maps request fields to the vendor's names
    ("" drops the field); `options` are the settings of this type with their defaults (None: required)."""

    name: str
    label: str
    api_base: str = ""
    key_variable: str = ""
    needs_key: bool = True
    auth: Auth = Auth.BEARER
    chat_path: str = "/chat/completions"
    renames: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    quirks: frozenset[Quirk] = frozenset()
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


OLD_LIMIT = MappingProxyType({"max_completion_tokens": "max_tokens"})
MISTRAL = MappingProxyType({"max_completion_tokens": "max_tokens", "seed": "random_seed"})
AZURE = MappingProxyType({"deployment_id": "", "api_version": "2024-10-21"})

PRESETS = (
    Preset("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Preset(
        "azure_openai",
        "Azure OpenAI",
        key_variable="AZURE_OPENAI_API_KEY",
        auth=Auth.API_KEY,
        chat_path="/openai/deployments/{deployment_id}/chat/completions?api-version={api_version}",
        quirks=frozenset({Quirk.DEPLOYMENT_IN_PATH}),
        options=AZURE,
    ),
    Preset("together", "Together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", renames=OLD_LIMIT),
    Preset("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY"),
    Preset("fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", renames=OLD_LIMIT),
    Preset(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        renames=MISTRAL,
        quirks=frozenset({Quirk.NO_STREAM_OPTIONS}),
    ),
    Preset("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    Preset("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", renames=OLD_LIMIT),
    Preset("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    Preset("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY", renames=OLD_LIMIT),
    Preset("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    Preset("perplexity", "Perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", renames=OLD_LIMIT),
    Preset("nvidia", "NVIDIA", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", renames=OLD_LIMIT),
    Preset("vllm", "vLLM", key_variable="VLLM_API_KEY", needs_key=False),
    Preset("sglang", "SGLang", key_variable="SGLANG_API_KEY", needs_key=False),
    Preset("tgi", "Text Generation Inference", key_variable="TGI_API_KEY", needs_key=False, renames=OLD_LIMIT),
    Preset("lm_studio", "LM Studio", "http://127.0.0.1:1234/v1", needs_key=False),
    Preset("llama_cpp", "llama.cpp", "http://127.0.0.1:8080/v1", needs_key=False),
    Preset("ollama", "Ollama", "http://127.0.0.1:11434/v1", needs_key=False, renames=OLD_LIMIT),
    Preset("openai_compatible", "Other OpenAI-compatible", needs_key=False),
)
