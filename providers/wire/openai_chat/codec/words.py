"""What do chat's clients call the canonical fields, and which of them does chat carry?

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.answer import Answer, Choice, Stop, Used
from providers.canonical.blocks import (
    Audio,
    Citation,
    Compaction,
    Document,
    Image,
    Reasoning,
    Refusal,
    SearchResult,
    SettingsChange,
    Source,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
)
from providers.canonical.extra import Value
from providers.canonical.losses import Carried, every
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Delivery, Format, Limits, Output, Sampling, Thinking
from providers.canonical.signature import Signature
from providers.canonical.tools import (
    CacheMark,
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    Location,
    NamespaceTool,
    SearchTool,
    ToolChoice,
    ToolRef,
)
from providers.types import Wire

WIRE = Wire.OPENAI_CHAT
SAME = (
    "Request.model", "Request.tools", "Request.metadata", "Request.user", "Request.service_tier", "Request.store",
    "Request.moderation", "Sampling.temperature", "Sampling.top_p", "Sampling.top_k", "Sampling.min_p",
    "Sampling.presence_penalty", "Sampling.frequency_penalty", "Sampling.repetition_penalty", "Sampling.seed",
    "Sampling.logit_bias", "Sampling.logprobs", "Sampling.top_logprobs", "Limits.stop", "Output.verbosity", "Output.modalities",
    "Delivery.stream", "Turn.name", "Answer.service_tier", "Text.logprobs",
)  # fmt: skip
"""Fields with the same name here and there."""
WORDS: Mapping[str, str] = MappingProxyType(
    {field: field.partition(".")[2] for field in SAME}
    | {
        "Request.turns": "messages",
        "Request.choice": "tool_choice",
        "Request.parallel_calls": "parallel_tool_calls",
        "Request.safety_user": "safety_identifier",
        "Sampling.choices": "n",
        "Limits.output_tokens": "max_completion_tokens",
        "Thinking.effort": "reasoning_effort",
        "Output.format": "response_format",
        "Output.voice": "audio.voice",
        "Output.audio_format": "audio.format",
        "Format.name": "response_format.json_schema.name",
        "Format.schema": "response_format.json_schema.schema",
        "Format.strict": "response_format.json_schema.strict",
        "Format.description": "response_format.json_schema.description",
        "Caching.key": "prompt_cache_key",
        "Caching.retention": "prompt_cache_retention",
        "Caching.mode": "prompt_cache_options.mode",
        "Caching.ttl": "prompt_cache_options.ttl",
        "Delivery.usage": "stream_options.include_usage",
        "Delivery.obfuscation": "stream_options.include_obfuscation",
        "Told.cache": "prompt_cache_breakpoint",
        "Offered.cache": "cache_control",
        "Image.detail": "image_url.detail",
        "Audio.format": "input_audio.format",
        "Document.title": "file.filename",
        "ToolCall.signature": "extra_content",
        "FunctionTool.description": "function.description",
        "FunctionTool.parameters": "function.parameters",
        "FunctionTool.strict": "function.strict",
        "CustomTool.description": "custom.description",
        "CustomTool.grammar": "custom.format",
        "HostedTool.context_size": "search_context_size",
        "HostedTool.location": "user_location",
        "Text.citations": "annotations",
        "Choice.stop": "finish_reason",
        "Answer.used": "usage",
    }
)
OLD_WORDS: Mapping[str, str] = MappingProxyType({**WORDS, "Limits.output_tokens": "max_tokens"})
"""Of a request that limits its answer by the older name."""

REQUESTS: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        Request: every(Request),
        Turn: every(Turn, but={"cache"}),
        Limits: every(Limits, but={"hosted_calls"}),
        Sampling: every(Sampling, but={"top_k", "min_p", "repetition_penalty"}),
        Thinking: frozenset({"mode", "effort", "shown", "sealed"}),  # what is thought is told, in whatever form was asked for
        Output: every(Output),
        Format: every(Format),
        Caching: every(Caching, but={"mark"}),
        Delivery: every(Delivery, but={"obfuscation"}),
        Text: every(Text),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Compaction: every(Compaction),
        Image: every(Image),
        Audio: every(Audio),
        Document: every(Document, but={"context", "citable"}),
        SearchResult: every(SearchResult, but={"citable"}),
        Source: every(Source),
        Signature: every(Signature),
        Citation: every(Citation),  # like log probabilities they say nothing to the model when they come back
        TokenLogprob: every(TokenLogprob),
        CacheMark: every(CacheMark),
        ToolCall: every(ToolCall),
        ToolResult: every(ToolResult),
        ToolsChange: every(ToolsChange),
        SettingsChange: every(SettingsChange),
        FunctionTool: every(FunctionTool, but={"cache", "deferred"}),
        CustomTool: every(CustomTool, but={"cache", "deferred"}),
        Grammar: every(Grammar),
        NamespaceTool: every(NamespaceTool, but={"cache", "deferred"}),
        SearchTool: every(SearchTool, but={"cache", "deferred"}),
        ToolChoice: every(ToolChoice),
        ToolRef: every(ToolRef),
    }
)
CARRIED = Carried(REQUESTS)
"""Of requests from other wires. What only some vendors take (`top_k`) is not sent to all that speak chat."""
OWN = Carried(
    {**REQUESTS, **{kind: every(kind) for kind in (Sampling, Delivery, FunctionTool, CustomTool, HostedTool, Location)}}
)
"""Of requests that came as chat."""
ANSWERS = Carried(
    {
        Answer: every(Answer),
        Choice: every(Choice),
        Stop: every(Stop),
        Used: every(Used),
        Turn: every(Turn),
        Text: every(Text, but={"signature"}),
        Citation: frozenset({"url", "title", "quote", "text_start", "text_end"}),
        TokenLogprob: every(TokenLogprob),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Signature: every(Signature),
        Image: every(Image),
        Audio: every(Audio),
        Source: every(Source),
        ToolCall: every(ToolCall),
    }
)
