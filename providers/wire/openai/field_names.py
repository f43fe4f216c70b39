"""Which names of fields may a request not spell in another way, and which are the operator's?

Parsers differ in what they take for the same name: Go's `encoding/json` ignores case by Unicode's simple folding (where
U+017F is an s and U+212A a k) and takes the last of several, Java's and .NET's may be told to ignore case, too. So a name
that is another only by its spelling could mean one thing here and another upstream.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

OURS = frozenset(
    {
        "audio", "background", "conversation", "dimensions", "documents", "encoding_format", "file", "generate", "image",
        "images", "include", "include_obfuscation", "include_usage", "input", "instructions", "mask", "max_completion_tokens",
        "max_output_tokens", "max_tokens", "messages", "metadata", "model", "output_dimension", "previous_response_id",
        "prompt", "query", "random_seed", "reasoning", "response_format", "seed", "size", "speed", "store", "stream",
        "stream_format", "stream_id", "stream_options", "temperature", "text", "timestamp_granularities", "tool_choice",
        "tools", "top_k", "top_n", "type", "user", "voice",
    }
)  # fmt: skip
"""Fields that the gateway reads or sets, in any of the formats; but for `n`, which is read of images alone."""
PREFIX = "tensorzero::"
"""What the gateway's own fields begin with."""
REFUSED = frozenset({"api_base", "base_url", "custom_host", "api_key", "extra_headers", "organization"})
"""Fields with which other gateways let a caller say where the provider's key goes."""
ROUTING = frozenset(
    {
        "allowed_model_region", "content_policy_fallbacks", "context_window_fallback_dict", "context_window_fallbacks",
        "custom_llm_provider", "default_fallbacks", "deployment_id", "fallbacks", "model_list", "models", "plugins", "preset",
        "provider", "providerOptions", "providers", "route", "router", "router_settings_override", "specific_deployment",
        "user_config",
    }
)  # fmt: skip
"""Fields with which OpenRouter (`models`, `route`, `provider`, `preset`, `plugins`), LiteLLM (`fallbacks` and its like,
`user_config`, `specific_deployment`, …) and Vercel's gateway (`providerOptions`) are told another model or provider. Any
provider may have such an aggregator at its address."""
MODELS_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "azure_openai": frozenset({"data_sources"}),  # names the deployment that embeds, and what the resource may read
        "groq": frozenset({"compound_custom"}),  # names the models that Compound calls
        "llama_cpp": frozenset({"lora"}),
        "lm_studio": frozenset({"draft_model"}),
        "sglang": frozenset({"lora_path"}),
        "together": frozenset({"safety_model", "image_loras"}),
    }
)
"""Fields that choose a model at a vendor beside `model`, by the vendor's own reference."""
OPERATORS = ROUTING.union(*MODELS_OF.values())
TOOL_MODELS = "tools[].model"
"""Stands for the models of tools that the upstream itself runs: OpenAI's `image_generation`, OpenRouter's advisors."""
PROMPT = "prompt"
"""Stands for the model that a stored prompt names, where a request for a response names none."""


def operators_fields(kind: str) -> frozenset[str]:
    """The fields that choose a model or a provider at a provider of that type: clients may set none that its operator has
    not allowed."""
    return ROUTING | MODELS_OF.get(kind, frozenset()) | {TOOL_MODELS, PROMPT}


def folded(name: str) -> str:
    """The name as the most lenient parser reads it."""
    if name.isascii() and name.islower():
        return name.strip()
    return unicodedata.normalize("NFKC", name).casefold().replace("\u0307", "").replace("\u0131", "i").strip()


SPELT = {folded(name): name for name in OURS | REFUSED | OPERATORS}
"""How a name is spelt that means one of these fields."""


def misspelt(names: Iterable[str], more: Collection[str] = ()) -> tuple[str, str] | None:
    """The first name that means a field of ours, or one of `more`, and is not spelt like it, and how that is spelt; None if
    there is none."""
    for name in names:
        meant = folded(name)
        spelt = SPELT.get(meant) or (meant if meant in more or meant.startswith(PREFIX) else name)
        if name != spelt:
            return name, spelt
    return None
