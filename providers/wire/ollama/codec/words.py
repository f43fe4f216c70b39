"""What do Ollama's clients call the canonical fields, and which of them does Ollama carry?

Format: Ollama of August 2026, `api/types.go`: `ChatRequest`, `ChatResponse`, `Options`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.answer import Answer, Choice, Stop, Used
from providers.canonical.blocks import (
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
from providers.canonical.settings import Delivery, Format, Limits, Output, Sampling, Thinking
from providers.canonical.tools import CustomTool, FunctionTool, Grammar, NamespaceTool, SearchTool, ToolChoice, ToolRef
from providers.types import Wire

WIRE = Wire.OLLAMA
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "min_p": "min_p",
        "presence_penalty": "presence_penalty",
        "frequency_penalty": "frequency_penalty",
        "repeat_penalty": "repetition_penalty",
        "seed": "seed",
    }
)
"""Options → fields of `Sampling`."""
WORDS: Mapping[str, str] = MappingProxyType(
    {f"Sampling.{canonical}": f"options.{name}" for name, canonical in OPTIONS.items()}
    | {
        "Request.model": "model",
        "Request.turns": "messages",
        "Request.tools": "tools",
        "Sampling.logprobs": "logprobs",
        "Sampling.top_logprobs": "top_logprobs",
        "Limits.output_tokens": "options.num_predict",
        "Limits.stop": "options.stop",
        "Thinking.mode": "think",
        "Thinking.effort": "think",
        "Output.format": "format",
        "Format.schema": "format",
        "Delivery.stream": "stream",
        "Text.logprobs": "logprobs",
        "ToolResult.name": "tool_name",
        "ToolResult.call_id": "tool_call_id",
        "FunctionTool.description": "function.description",
        "FunctionTool.parameters": "function.parameters",
        "Choice.stop": "done_reason",
        "Stop.reason": "done_reason",
        "Answer.used": "eval_count",
        "Answer.created": "created_at",
    }
)
SAID: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        Turn: every(Turn, but={"cache", "name", "recipient"}),
        Text: every(Text, but={"citations", "signature", "cache"}),
        TokenLogprob: every(TokenLogprob),
        Refusal: every(Refusal, but={"cache"}),
        Reasoning: frozenset({"text", "summary"}),
        Image: every(Image, but={"detail", "cache"}),
        Source: every(Source),
        ToolCall: every(ToolCall, but={"signature", "cache"}),
    }
)
"""What a message says, in a request or an answer."""
REQUESTS: Mapping[type[Value], frozenset[str]] = MappingProxyType(
    {
        **SAID,
        Turn: every(Turn, but={"cache", "name"}),
        Text: every(Text, but={"signature", "cache"}),  # citations say nothing to the model when they come back
        Request: frozenset(
            {"model", "system", "turns", "tools", "choice", "limits", "sampling", "thinking", "output", "delivery"}
        ),
        Limits: every(Limits, but={"hosted_calls"}),
        Sampling: every(Sampling, but={"logit_bias", "choices"}),
        Thinking: frozenset({"mode", "effort", "shown", "sealed"}),  # what is thought is told, in whatever form was asked for
        Output: frozenset({"format"}),
        Format: every(Format, but={"description"}),  # a schema binds here, whatever its name
        Delivery: every(Delivery, but={"obfuscation"}),
        Compaction: every(Compaction, but={"cache"}),
        Document: every(Document, but={"context", "citable", "cache"}),
        SearchResult: every(SearchResult, but={"citable", "cache"}),
        ToolResult: every(ToolResult, but={"cache"}),
        ToolsChange: every(ToolsChange),
        SettingsChange: every(SettingsChange),
        FunctionTool: every(FunctionTool, but={"deferred", "cache"}),
        CustomTool: every(CustomTool, but={"deferred", "cache"}),
        Grammar: every(Grammar),
        NamespaceTool: every(NamespaceTool, but={"deferred", "cache"}),
        SearchTool: every(SearchTool, but={"deferred", "cache"}),
        ToolChoice: every(ToolChoice),
        ToolRef: every(ToolRef),
    }
)
CARRIED = Carried(REQUESTS)
OWN = Carried(REQUESTS)
"""Of requests that came as Ollama's: none of them says anything else."""
ANSWERS = Carried(
    {
        **SAID,
        Answer: every(Answer, but={"service_tier"}),
        Choice: every(Choice),
        Stop: frozenset({"reason"}),
        Used: frozenset({"tokens", "total", "details"}),  # details are parts of what is counted
    }
)
