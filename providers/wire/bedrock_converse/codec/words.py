"""What does Converse call the canonical fields, and which of them does it carry?

Format: `bedrock-runtime` of botocore 1.44.8 (`service-2.json`), `Converse` and `ConverseStream`.
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
    ToolCall,
    ToolResult,
    ToolsChange,
    Turn,
    Video,
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
    NamespaceTool,
    SearchTool,
    ToolChoice,
    ToolRef,
)
from providers.types import Wire

WIRE = Wire.BEDROCK_CONVERSE
own = Leftovers(WIRE)
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "Request.system": "system",
        "Request.turns": "messages",
        "Request.tools": "toolConfig.tools",
        "Request.choice": "toolConfig.toolChoice",
        "Request.metadata": "requestMetadata",
        "Request.service_tier": "serviceTier",
        "Limits.output_tokens": "inferenceConfig.maxTokens",
        "Limits.stop": "inferenceConfig.stopSequences",
        "Sampling.temperature": "inferenceConfig.temperature",
        "Sampling.top_p": "inferenceConfig.topP",
        "Thinking.effort": "outputConfig.effort",
        "Output.format": "outputConfig.textFormat",
        "Format.name": "outputConfig.textFormat.structure.jsonSchema.name",
        "Format.schema": "outputConfig.textFormat.structure.jsonSchema.schema",
        "Format.description": "outputConfig.textFormat.structure.jsonSchema.description",
        "Text.citations": "citationsContent.citations",
        "Audio.format": "audio.format",
        "Document.title": "document.name",
        "Document.context": "document.context",
        "Document.citable": "document.citations",
        "SearchResult.citable": "searchResult.citations",
        "ToolResult.is_error": "toolResult.status",
        "FunctionTool.description": "toolSpec.description",
        "FunctionTool.parameters": "toolSpec.inputSchema",
        "FunctionTool.strict": "toolSpec.strict",
        "Choice.stop": "stopReason",
        "Answer.used": "usage",
        "Answer.service_tier": "serviceTier",
    }
)
BLOCKS: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        Text: every(Text),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Image: every(Image, but={"detail"}),
        Audio: every(Audio, but={"transcript"}),
        Video: every(Video),
        Document: every(Document),
        SearchResult: every(SearchResult),
        Source: every(Source),
        Signature: every(Signature),
        Citation: every(Citation),
        CacheMark: every(CacheMark),
        ToolCall: every(ToolCall, but={"signature"}),
        ToolResult: every(ToolResult),
    }
)
REQUESTS: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        **BLOCKS,
        Text: every(Text, but={"signature"}),
        Request: every(Request, but={"parallel_calls", "user", "safety_user", "store", "moderation"}),
        Turn: every(Turn),
        Limits: every(Limits, but={"hosted_calls"}),
        Sampling: frozenset({"temperature", "top_p", "top_k"}),
        Thinking: every(Thinking),
        Output: frozenset({"format"}),
        Format: every(Format, but={"strict"}),
        Caching: frozenset({"mark"}),
        Delivery: every(Delivery, but={"obfuscation"}),
        Compaction: every(Compaction),
        ToolsChange: every(ToolsChange),
        SettingsChange: every(SettingsChange),
        FunctionTool: every(FunctionTool, but={"deferred"}),
        CustomTool: every(CustomTool, but={"deferred"}),
        Grammar: every(Grammar),
        NamespaceTool: every(NamespaceTool, but={"deferred"}),
        SearchTool: every(SearchTool),
        ToolChoice: every(ToolChoice),
        ToolRef: every(ToolRef),
    }
)
CARRIED = Carried(REQUESTS)
"""Of requests from other wires."""
OWN = Carried({**REQUESTS, HostedCall: every(HostedCall), HostedTool: every(HostedTool)})
"""Of requests that came as Converse."""
ANSWERS = Carried(
    {
        **BLOCKS,
        Answer: every(Answer, but={"created", "completed"}),
        Choice: every(Choice),
        Stop: every(Stop, but={"category", "detail", "sequence"}),
        Used: every(Used),
        Turn: every(Turn),
        HostedCall: every(HostedCall),
        Text: every(Text, but={"logprobs", "signature"}),
        Refusal: every(Refusal, but={"logprobs"}),
    }
)
