"""What do LiteLLM's names mean here? Tables of providers, modes, and of what is known but not imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

PROVIDERS = MappingProxyType(
    {
        "azure": "azure_openai",
        "azure_text": "azure_openai",
        "cohere_chat": "cohere",
        "custom_openai": "openai_compatible",
        "fireworks_ai": "fireworks",
        "hosted_vllm": "vllm",
        "jina_ai": "jina",
        "llamafile": "llama_cpp",
        "lm_studio": "lm_studio",
        "nvidia_nim": "nvidia",
        "ollama_chat": "ollama",
        "openai_like": "openai_compatible",
        "text-completion-openai": "openai",
        "together_ai": "together",
    }
)
"""LiteLLM's providers (before the "/" in `model`) and the types they are here; the others are called the same, or read by
`hosts`."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor that speaks OpenAI's formats and has no type of its own here. `api_base` "" means that a file must give one."""

    api_base: str = ""
    key_variable: str = ""


VENDORS = MappingProxyType(
    {
        "codestral": Vendor("https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
        "dashscope": Vendor("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
        "docker_model_runner": Vendor(),
        "featherless_ai": Vendor("https://api.featherless.ai/v1", "FEATHERLESS_AI_API_KEY"),
        "friendliai": Vendor("https://api.friendli.ai/serverless/v1", "FRIENDLI_TOKEN"),
        "github": Vendor("https://models.inference.ai.azure.com", "GITHUB_API_KEY"),
        "huggingface": Vendor("https://router.huggingface.co/v1", "HUGGINGFACE_API_KEY"),
        "inception": Vendor("https://api.inceptionlabs.ai/v1", "INCEPTION_API_KEY"),
        "infinity": Vendor(),
        "lambda_ai": Vendor("https://api.lambda.ai/v1", "LAMBDA_API_KEY"),
        "lemonade": Vendor(),
        "litellm_proxy": Vendor("", "LITELLM_PROXY_API_KEY"),
        "meta_llama": Vendor("https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
        "moonshot": Vendor("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
        "vercel_ai_gateway": Vendor("https://ai-gateway.vercel.sh/v1", "VERCEL_AI_GATEWAY_API_KEY"),
        "volcengine": Vendor("https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"),
        "wandb": Vendor("https://api.inference.wandb.ai/v1", "WANDB_API_KEY"),
        "xinference": Vendor(),
        "zai": Vendor("https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
    }
)
"""LiteLLM's providers that are of type `openai_compatible` here."""

BASE_VARIABLES = MappingProxyType(
    {
        "azure": "AZURE_API_BASE",
        "azure_ai": "AZURE_AI_API_BASE",
        "azure_text": "AZURE_API_BASE",
        "hosted_vllm": "HOSTED_VLLM_API_BASE",
        "infinity": "INFINITY_API_BASE",
        "litellm_proxy": "LITELLM_PROXY_API_BASE",
        "openai_like": "OPENAI_LIKE_API_BASE",
        "xinference": "XINFERENCE_API_BASE",
    }
)
"""The variables that LiteLLM reads when `api_base` is absent, of providers that have no address of their own."""

MOVED_BY = MappingProxyType(
    {
        "anthropic": ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        "gemini": ("GEMINI_API_BASE",),
        "ollama": ("OLLAMA_API_BASE",),
        "ollama_chat": ("OLLAMA_API_BASE",),
    }
)
"""The variables that LiteLLM reads when `api_base` is absent, of providers that have an address of their own: if they are set."""

OWN_KEY_VARIABLES = MappingProxyType({"azure_ai": "AZURE_AI_API_KEY"})
"""The variables that LiteLLM reads when `api_key` is absent, of providers that share a type here with others."""

KEY_VARIABLES = MappingProxyType(
    {
        "azure_openai": "AZURE_API_KEY",
        "fireworks": "FIREWORKS_AI_API_KEY",
        "jina": "JINA_AI_API_KEY",
        "nvidia": "NVIDIA_NIM_API_KEY",
        "perplexity": "PERPLEXITYAI_API_KEY",
        "together": "TOGETHERAI_API_KEY",
    }
)
"""The variables that LiteLLM reads when `api_key` is absent, where they are not the vendor's usual ones."""

HINTS = MappingProxyType(
    {
        "azure_openai": ("responses/", "o_series/", "gpt5_series/"),
        "openai": ("responses/",),
    }
)
"""What LiteLLM takes from the beginning of an upstream model: it says how to call, and is no part of the name."""

COMPLETING = frozenset({"azure_text", "text-completion-openai"})
"""LiteLLM's providers of completions."""

BY_MODEL = (
    (re.compile(r"(ft:)?(gpt-|chatgpt-|o\d|text-embedding-|whisper-|tts-|dall-e|omni-moderation|text-moderation)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-"), "vertex_ai"),
    (re.compile(r"((us|eu|apac|jp|au|us-gov|global)\.)?(ai21|amazon|anthropic|cohere|deepseek|meta|mistral)\."), "bedrock"),
    (re.compile(r"command-"), "cohere"),
)
"""The provider of a `model` that names none."""

CAPABILITIES = MappingProxyType(
    {
        "audio_speech": "text_to_speech",
        "audio_transcription": "audio_transcription",
        "batch": "batch",
        "chat": "chat",
        "completion": "completion",
        "embedding": "embedding",
        "image_edit": "image_edit",
        "image_generation": "image_generation",
        "moderation": "moderation",
        "moderations": "moderation",
        "realtime": "realtime",
        "rerank": "rerank",
        "responses": "responses",
    }
)
"""The capability of each `model_info.mode`."""

MODES_BY_MODEL = (
    (re.compile(r"embed", re.IGNORECASE), "embedding"),
    (re.compile(r"whisper|transcribe", re.IGNORECASE), "audio_transcription"),
    (re.compile(r"(^|[-_/])tts", re.IGNORECASE), "audio_speech"),
    (
        re.compile(r"dall-e|gpt-image|flux|stable-diffusion|^stability\.|titan-image|nova-canvas|gemini-.*-image", re.IGNORECASE),
        "image_generation",
    ),
    (re.compile(r"moderation", re.IGNORECASE), "moderation"),
    (re.compile(r"rerank", re.IGNORECASE), "rerank"),
)
"""The mode of a model that names none, by its upstream name; else chat."""

CHATS_TOO = re.compile(r"gemini-.*-image", re.IGNORECASE)
"""Models that answer chats although their mode is another."""

SECTIONS = (
    "access_groups",
    "agent_list",
    "assistant_settings",
    "callback_settings",
    "environment_variables",
    "files_settings",
    "finetune_settings",
    "guardrails",
    "mcp_aliases",
    "mcp_servers",
    "mcp_tools",
    "pass_through_endpoints",
    "policies",
    "policy_attachments",
    "prompts",
    "search_tools",
    "server_settings",
    "vector_store_registry",
)
"""Sections that are no part of a catalog."""

LIMITS = (
    "access_groups",
    "budget_limit",
    "itpm",
    "max_budget",
    "budget_duration",
    "otpm",
)

PARAMETERS = frozenset(
    {
        *LIMITS,
        "additional_drop_params",
        "allowed_openai_params",
        "audio",
        "base_model",
        "cache",
        "caching",
        "configurable_clientside_auth_params",
        "cooldown_time",
        "default_api_key_rpm_limit",
        "default_api_key_tpm_limit",
        "drop_params",
        "dimensions",
        "encoding_format",
        "fallbacks",
        "frequency_penalty",
        "guardrails",
        "id",
        "input_cost_per_second",
        "keep_alive",
        "litellm_trace_id",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_file_size_mb",
        "max_tokens",
        "mcp_servers",
        "merge_reasoning_content_in_choices",
        "metadata",
        "mock_response",
        "modalities",
        "model_info",
        "n",
        "num_ctx",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_id",
        "reasoning_effort",
        "region_name",
        "response_format",
        "rpm_limit",
        "seed",
        "service_tier",
        "ssl_verify",
        "stop",
        "stream",
        "supports_system_message",
        "tag_regex",
        "tags",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "tpm_limit",
        "use_chat_completions_api",
        "use_in_pass_through",
        "use_litellm_proxy",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""Members of `litellm_params` that are known and not imported."""

PARAMETER_FAMILIES = re.compile(r"(aws|azure|gcs|s3|vertex|watsonx)_|.*_cost(_per_.*)?$|.*_cost_per_.*|cache_\w+_cost")
"""Further members of `litellm_params` that are known and not imported."""
