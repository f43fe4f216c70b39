"""What do Gemini's clients call the canonical fields, and which of them does Gemini carry?

Format: google-genai 3.6.1, `GenerateContentConfig`, `Content`, `GenerateContentResponse`, spelled as in JSON.
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
    Video,
)
from providers.canonical.losses import Carried, every
from providers.canonical.request import Request
from providers.canonical.settings import Delivery, Format, Limits, Output, Sampling, Thinking
from providers.canonical.signature import Signature
from providers.canonical.tools import (
    CustomTool,
    FunctionTool,
    Grammar,
    HostedTool,
    NamespaceTool,
    OpaqueTool,
    SearchTool,
    ToolChoice,
    ToolRef,
)
from providers.types import Wire

WIRE = Wire.GEMINI
CONFIG = "generationConfig"
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "Request.turns": "contents",
        "Request.system": "systemInstruction",
        "Request.tools": "tools",
        "Request.choice": "toolConfig.functionCallingConfig",
        "Request.metadata": "labels",
        "Request.service_tier": "serviceTier",
        "Request.store": "store",
        "Sampling.temperature": f"{CONFIG}.temperature",
        "Sampling.top_p": f"{CONFIG}.topP",
        "Sampling.top_k": f"{CONFIG}.topK",
        "Sampling.presence_penalty": f"{CONFIG}.presencePenalty",
        "Sampling.frequency_penalty": f"{CONFIG}.frequencyPenalty",
        "Sampling.seed": f"{CONFIG}.seed",
        "Sampling.choices": f"{CONFIG}.candidateCount",
        "Sampling.logprobs": f"{CONFIG}.responseLogprobs",
        "Sampling.top_logprobs": f"{CONFIG}.logprobs",
        "Limits.output_tokens": f"{CONFIG}.maxOutputTokens",
        "Limits.stop": f"{CONFIG}.stopSequences",
        "Thinking.mode": f"{CONFIG}.thinkingConfig",
        "Thinking.effort": f"{CONFIG}.thinkingConfig.thinkingLevel",
        "Thinking.budget": f"{CONFIG}.thinkingConfig.thinkingBudget",
        "Thinking.shown": f"{CONFIG}.thinkingConfig.includeThoughts",
        "Output.format": f"{CONFIG}.responseMimeType",
        "Output.modalities": f"{CONFIG}.responseModalities",
        "Output.voice": f"{CONFIG}.speechConfig",
        "Format.schema": f"{CONFIG}.responseJsonSchema",
        "FunctionTool.description": "description",
        "FunctionTool.parameters": "parametersJsonSchema",
        "HostedTool.blocked_domains": "excludeDomains",
        "Text.signature": "thoughtSignature",
        "Text.citations": "citationMetadata",
        "Text.logprobs": "logprobsResult",
        "ToolCall.signature": "thoughtSignature",
        "ToolCall.arguments": "functionCall.args",
        "ToolResult.is_error": "functionResponse.response",
        "Reasoning.signature": "thoughtSignature",
        "Document.title": "displayName",
        "Choice.stop": "finishReason",
        "Stop.detail": "finishMessage",
        "Answer.used": "usageMetadata",
    }
)

CARRIED = Carried(
    {
        Request: every(Request, but={"caching", "user", "safety_user", "moderation"}),
        Turn: every(Turn, but={"name", "recipient", "cache"}),
        Limits: every(Limits, but={"hosted_calls"}),
        Sampling: every(Sampling, but={"min_p", "repetition_penalty", "logit_bias"}),
        Thinking: every(Thinking),
        Output: every(Output, but={"verbosity", "audio_format"}),
        Format: every(Format),
        Delivery: every(Delivery, but={"obfuscation"}),
        Text: every(Text, but={"cache"}),
        Refusal: every(Refusal, but={"cache"}),
        Reasoning: every(Reasoning, but={"cache"}),
        Compaction: every(Compaction, but={"cache"}),
        Image: every(Image, but={"cache", "detail"}),
        Audio: every(Audio, but={"cache"}),
        Video: every(Video, but={"cache"}),
        Document: every(Document, but={"cache", "citable"}),
        SearchResult: every(SearchResult, but={"cache", "citable"}),
        Source: every(Source),
        Signature: every(Signature),
        Citation: every(Citation),  # like log probabilities they say nothing to the model when they come back
        TokenLogprob: every(TokenLogprob),
        ToolCall: every(ToolCall, but={"cache"}),
        ToolResult: every(ToolResult, but={"cache"}),
        ToolsChange: every(ToolsChange),
        SettingsChange: every(SettingsChange),
        FunctionTool: every(FunctionTool, but={"cache", "deferred"}),
        CustomTool: every(CustomTool, but={"cache", "deferred"}),
        Grammar: every(Grammar),
        NamespaceTool: every(NamespaceTool, but={"cache", "deferred"}),
        SearchTool: every(SearchTool, but={"cache", "deferred"}),
        HostedTool: frozenset({"name"}),
        OpaqueTool: every(OpaqueTool),
        ToolChoice: every(ToolChoice),
        ToolRef: every(ToolRef),
    }
)
"""Of requests. Domains that a search shall leave out are known on Vertex alone."""
ANSWERS = Carried(
    {
        Answer: every(Answer, but={"service_tier"}),
        Choice: every(Choice),
        Stop: every(Stop, but={"category", "sequence"}),
        Used: every(Used),
        Turn: every(Turn),
        Text: every(Text),
        Citation: frozenset({"url", "title", "text_start", "text_end", "quote"}),
        TokenLogprob: every(TokenLogprob),
        Refusal: every(Refusal),
        Reasoning: every(Reasoning),
        Signature: every(Signature),
        Image: every(Image, but={"detail"}),
        Audio: every(Audio, but={"format"}),
        Video: every(Video),
        Source: every(Source),
        ToolCall: every(ToolCall),
    }
)
"""Of answers. What a hosted tool of another vendor has done is left out: it is told by the text that came of it."""
