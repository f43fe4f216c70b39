"""What do clients of Messages call the canonical fields, and which of them does it carry?

Format: Anthropic's reference of October 2026, `POST /v1/messages`, and the types of its Python SDK 2.14.
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
    HostedCall,
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

WIRE = Wire.ANTHROPIC_MESSAGES
own = Leftovers(WIRE)
SAME = (
    "Request.model", "Request.system", "Request.tools", "Request.service_tier", "Sampling.temperature", "Sampling.top_p",
    "Sampling.top_k", "Delivery.stream", "Text.citations", "FunctionTool.description", "FunctionTool.strict", "Document.title",
    "Document.context", "SearchResult.title", "ToolResult.is_error", "HostedTool.allowed_domains", "HostedTool.blocked_domains",
)  # fmt: skip
"""Fields with the same name here and there."""
WORDS: Mapping[str, str] = MappingProxyType(
    {field: field.partition(".")[2] for field in SAME}
    | {
        "Request.turns": "messages",
        "Request.choice": "tool_choice",
        "Request.parallel_calls": "tool_choice.disable_parallel_tool_use",
        "Request.user": "metadata.user_id",
        "Limits.output_tokens": "max_tokens",
        "Limits.stop": "stop_sequences",
        "Thinking.mode": "thinking.type",
        "Thinking.budget": "thinking.budget_tokens",
        "Thinking.shown": "thinking.display",
        "Thinking.effort": "output_config.effort",
        "Output.format": "output_config.format",
        "Format.schema": "output_config.format.schema",
        "Caching.mark": "cache_control",
        "Turn.cache": "cache_control",
        "Told.cache": "cache_control",
        "Offered.cache": "cache_control",
        "Offered.deferred": "defer_loading",
        "FunctionTool.parameters": "input_schema",
        "HostedTool.most_uses": "max_uses",
        "HostedTool.location": "user_location",
        "Document.citable": "citations",
        "SearchResult.citable": "citations",
        "Reasoning.signature": "signature",
        "Choice.stop": "stop_reason",
        "Answer.used": "usage",
        "Answer.service_tier": "usage.service_tier",
        "Stop.sequence": "stop_sequence",
        "Stop.category": "stop_details.category",
        "Stop.detail": "stop_details.explanation",
    }
)

REQUESTS: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        Request: every(Request, but={"metadata", "store", "moderation"}),
        Turn: every(Turn, but={"name"}),
        Limits: every(Limits, but={"hosted_calls"}),
        Sampling: frozenset({"temperature", "top_p", "top_k", "choices"}),
        Thinking: every(Thinking),
        Output: frozenset({"format", "modalities"}),
        Format: every(Format, but={"description"}),  # the name says nothing to the model, and every schema is kept to
        Caching: frozenset({"mark"}),
        Delivery: every(Delivery, but={"obfuscation"}),
        Text: every(Text, but={"signature"}),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Compaction: every(Compaction),
        Image: every(Image, but={"detail"}),
        Audio: every(Audio),
        Document: every(Document),
        SearchResult: every(SearchResult),
        Source: every(Source),
        Signature: every(Signature),
        Citation: every(Citation),  # like log probabilities they say nothing to the model when they come back
        TokenLogprob: every(TokenLogprob),
        CacheMark: every(CacheMark),
        ToolCall: every(ToolCall, but={"signature"}),
        ToolResult: every(ToolResult),
        ToolsChange: every(ToolsChange),
        SettingsChange: every(SettingsChange),
        FunctionTool: every(FunctionTool, but={"deferred"}),
        CustomTool: every(CustomTool, but={"deferred"}),
        Grammar: every(Grammar),
        NamespaceTool: every(NamespaceTool, but={"deferred"}),
        SearchTool: every(SearchTool, but={"deferred"}),
        HostedTool: every(HostedTool, but={"context_size", "deferred"}),
        Location: every(Location),
        ToolChoice: every(ToolChoice),
        ToolRef: every(ToolRef),
    }
)
CARRIED = Carried(REQUESTS)
"""Of requests from other wires."""
OWN = Carried({**REQUESTS, **{kind: every(kind) for kind in (HostedCall, FunctionTool, HostedTool)}})
"""Of requests that came as Messages."""
ANSWERS = Carried(
    {
        Answer: every(Answer),
        Choice: every(Choice),
        Stop: every(Stop),
        Used: every(Used),
        Turn: every(Turn),
        Text: every(Text, but={"logprobs", "signature"}),
        Citation: frozenset({"url", "title", "quote", "source", "source_unit", "source_start", "source_end", "file_id"}),
        Refusal: every(Refusal, but={"logprobs"}),
        Reasoning: every(Reasoning),
        Signature: every(Signature),
        Audio: frozenset({"transcript"}),
        ToolCall: every(ToolCall),
    }
)
"""Of answers from other wires."""
