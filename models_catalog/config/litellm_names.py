"""What do LiteLLM's names mean here? Tables of providers, modes, and of what is known but not imported."""

from __future__ import annotations

import re
from types import MappingProxyType

PROVIDERS = MappingProxyType(
    {
        "azure": "azure_openai",
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
"""LiteLLM's providers (before the "/" in `model`) and the types they are here; the others are called the same."""

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

BY_MODEL = (
    (re.compile(r"(gpt-|chatgpt-|o\d|text-embedding-|whisper-|tts-|dall-e|omni-moderation|text-moderation)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
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
    (re.compile(r"dall-e|gpt-image|flux|stable-diffusion", re.IGNORECASE), "image_generation"),
    (re.compile(r"moderation", re.IGNORECASE), "moderation"),
    (re.compile(r"rerank", re.IGNORECASE), "rerank"),
)
"""The mode of a model that names none, by its upstream name; else chat."""

SECTIONS = (
    "agent_list",
    "assistant_settings",
    "callback_settings",
    "environment_variables",
    "files_settings",
    "finetune_settings",
    "guardrails",
    "include",
    "mcp_aliases",
    "mcp_servers",
    "mcp_tools",
    "policies",
    "policy_attachments",
    "prompts",
    "search_tools",
    "server_settings",
    "vector_store_registry",
)
"""Sections that are no part of a catalog."""

LIMITS = ("itpm", "max_budget", "budget_duration", "max_parallel_requests", "otpm", "rpm", "tpm", "weight")

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
        "id",
        "keep_alive",
        "litellm_trace_id",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_file_size_mb",
        "max_tokens",
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
