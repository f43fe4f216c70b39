"""What do clients of the Responses API call the canonical fields, and which of them does it carry?

Format: OpenAI's OpenAPI document of November 2026, `/responses`.
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
from providers.canonical.leftovers import Leftovers
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

WIRE = Wire.OPENAI_RESPONSES
own = Leftovers(WIRE)
SAME = (
    "Request.model", "Request.tools", "Request.metadata", "Request.user", "Request.service_tier", "Request.store",
    "Request.moderation", "Sampling.temperature", "Sampling.top_p", "Sampling.presence_penalty", "Sampling.frequency_penalty",
    "Sampling.top_logprobs", "Delivery.stream", "Image.detail", "Document.content", "FunctionTool.description",
    "FunctionTool.parameters", "FunctionTool.strict", "CustomTool.description",
)  # fmt: skip
"""Fields with the same name here and there."""
WORDS: Mapping[str, str] = MappingProxyType(
    {field: field.partition(".")[2] for field in SAME}
    | {
        "Request.system": "instructions",
        "Request.turns": "input",
        "Request.choice": "tool_choice",
        "Request.parallel_calls": "parallel_tool_calls",
        "Request.safety_user": "safety_identifier",
        "Sampling.logprobs": "include (message.output_text.logprobs)",
        "Limits.output_tokens": "max_output_tokens",
        "Limits.hosted_calls": "max_tool_calls",
        "Thinking.mode": "reasoning.mode",
        "Thinking.effort": "reasoning.effort",
        "Thinking.shown": "reasoning.summary",
        "Thinking.sealed": "include (reasoning.encrypted_content)",
        "Output.format": "text.format",
        "Output.verbosity": "text.verbosity",
        "Format.name": "text.format.name",
        "Format.schema": "text.format.schema",
        "Format.strict": "text.format.strict",
        "Format.description": "text.format.description",
        "Caching.key": "prompt_cache_key",
        "Caching.retention": "prompt_cache_retention",
        "Caching.mode": "prompt_cache_options.mode",
        "Caching.ttl": "prompt_cache_options.ttl",
        "Delivery.obfuscation": "stream_options.include_obfuscation",
        "Told.cache": "prompt_cache_breakpoint",
        "Document.title": "filename",
        "Offered.deferred": "defer_loading",
        "CustomTool.grammar": "format",
        "HostedTool.context_size": "search_context_size",
        "HostedTool.location": "user_location",
        "Text.citations": "annotations",
        "Text.logprobs": "logprobs",
        "Answer.used": "usage",
        "Answer.service_tier": "service_tier",
    }
)

COMMON: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        Turn: every(Turn, but={"cache", "name", "recipient"}),
        Text: every(Text, but={"signature"}),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Compaction: every(Compaction),
        Image: every(Image),
        Audio: every(Audio, but={"transcript"}),
        Document: every(Document, but={"context", "citable"}),
        SearchResult: every(SearchResult, but={"citable"}),
        Source: every(Source),
        Signature: every(Signature),
        Citation: every(Citation),  # like log probabilities they say nothing to the model when they come back
        TokenLogprob: every(TokenLogprob),
        CacheMark: every(CacheMark),
        ToolCall: every(ToolCall, but={"signature"}),
        ToolResult: every(ToolResult, but={"is_error"}),
    }
)
REQUESTS: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        **COMMON,
        Request: every(Request),
        Limits: every(Limits, but={"stop"}),
        Sampling: frozenset({"temperature", "top_p", "logprobs", "top_logprobs", "choices"}),
        Thinking: every(Thinking, but={"budget"}),
        Output: frozenset({"format", "verbosity", "modalities"}),
        Format: every(Format),
        Caching: every(Caching, but={"mark"}),
        Delivery: every(Delivery),
        ToolsChange: every(ToolsChange),
        SettingsChange: every(SettingsChange),
        FunctionTool: every(FunctionTool, but={"cache"}),
        CustomTool: every(CustomTool, but={"cache"}),
        Grammar: every(Grammar),
        NamespaceTool: every(NamespaceTool, but={"cache"}),
        SearchTool: every(SearchTool, but={"cache"}),
        HostedTool: every(HostedTool, but={"cache"}),
        Location: every(Location),
        ToolChoice: every(ToolChoice),
        ToolRef: every(ToolRef),
    }
)
CARRIED = Carried(REQUESTS)
"""Of requests from other wires."""
OWN = Carried({**REQUESTS, Sampling: every(Sampling), Turn: every(Turn)})
"""Of requests that came as Responses."""
ANSWERS = Carried(
    {
        Answer: every(Answer),
        Choice: every(Choice),
        Stop: frozenset({"reason", "sequence"}),
        Used: every(Used),
        Turn: every(Turn),
        Text: every(Text, but={"signature"}),
        Citation: frozenset({"url", "title", "text_start", "text_end", "file_id", "filename"}),
        TokenLogprob: every(TokenLogprob),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Signature: every(Signature),
        Image: every(Image),
        Audio: frozenset({"transcript", "format"}),
        Source: every(Source),
        ToolCall: every(ToolCall),
    }
)
"""Of answers from other wires."""
