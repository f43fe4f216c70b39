"""Which words do session events have? Their attributes, which of them hold what was said, and their names in OpenTelemetry.

docs/events.md explains them; a test compares the two. The names of the origins come first, and beside them, where there is one,
that of OpenTelemetry's conventions for generative AI (`gen_ai.*`), which an event has as well, with the same value.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from openai_api.observing.session_event import EventName
from providers.capabilities import Capability

START, END = EventName.SESSION_START, EventName.SESSION_END
ASKED, ANSWERED, FAILED = EventName.CALL_START, EventName.CALL_FINISH, EventName.CALL_ERROR
CALLED, RETURNED = EventName.TOOL_EXECUTION, EventName.TOOL_RESULT
EVERY = tuple(EventName)
CALLS = (START, ASKED, ANSWERED, FAILED)
ENDS = (ANSWERED, FAILED)
TOOLS = (CALLED, RETURNED)


class Attribute(NamedTuple):
    """`events` are those that may have it, `beside` its name in OpenTelemetry's conventions. `said` of one that holds what was
    said, and that is left out unless bodies are allowed."""

    name: str
    events: tuple[EventName, ...]
    beside: str = ""
    said: bool = False


ATTRIBUTES = (
    Attribute("session.id", EVERY, "gen_ai.conversation.id"),
    Attribute("gen_ai.agent.id", EVERY),
    Attribute("os.type", EVERY),
    Attribute("os.version", EVERY),
    Attribute("env.python.version", EVERY),
    Attribute("env.machine.type", EVERY),
    Attribute("host.name", EVERY),
    Attribute("request.id", (*CALLS, *TOOLS)),
    Attribute("client.type", (START,)),
    Attribute("tools", (START,)),
    Attribute("prompt", (START,), said=True),
    Attribute("session.resumed", (START,)),
    Attribute("session.tags", (START, ASKED)),
    Attribute("session.end.reason", (END,)),
    Attribute("session.duration_ms", (END,)),
    Attribute("session.idle_ms", (END,)),
    Attribute("session.calls", (END,)),
    Attribute("session.errors", (END,)),
    Attribute("session.tools", (END,)),
    Attribute("llm.vendor", CALLS, "gen_ai.provider.name"),
    Attribute("llm.model", CALLS, "gen_ai.request.model"),
    Attribute("gen_ai.operation.name", (ASKED, *ENDS, *TOOLS)),
    Attribute("llm.request.data", (ASKED,), said=True),
    Attribute("llm.request.bytes", (ASKED,)),
    Attribute("llm.request.stream", (ASKED,)),
    Attribute("llm.request.messages", (ASKED,)),
    Attribute("llm.request.messages.new", (ASKED,)),
    Attribute("llm.response.duration_ms", ENDS),
    Attribute("llm.response.first_byte_ms", ENDS),
    Attribute("llm.response.bytes", ENDS),
    Attribute("llm.response.content", ENDS, said=True),
    Attribute("llm.usage.input_tokens", ENDS, "gen_ai.usage.input_tokens"),
    Attribute("llm.usage.output_tokens", ENDS, "gen_ai.usage.output_tokens"),
    Attribute("llm.usage.total_tokens", ENDS),
    Attribute("llm.usage.cache_read_tokens", ENDS, "gen_ai.usage.cache_read.input_tokens"),
    Attribute("llm.usage.cache_write_tokens", ENDS, "gen_ai.usage.cache_creation.input_tokens"),
    Attribute("llm.usage.reasoning_tokens", ENDS),
    Attribute("llm.usage.estimated", ENDS),
    Attribute("llm.cost_usd", ENDS),
    Attribute("finish_reason", (ANSWERED,)),
    Attribute("gen_ai.response.finish_reasons", (ANSWERED,)),
    Attribute("gen_ai.response.id", ENDS),
    Attribute("gen_ai.response.model", ENDS),
    Attribute("system_fingerprint", (ANSWERED,)),
    Attribute("refusal", (ANSWERED,), said=True),
    Attribute("server.address", ENDS),
    Attribute("error.type", (FAILED,)),
    Attribute("error.message", (FAILED,), said=True),
    Attribute("http.status_code", (FAILED,), "http.response.status_code"),
    Attribute("tool.name", TOOLS, "gen_ai.tool.name"),
    Attribute("gen_ai.tool.call.id", TOOLS),
    Attribute("gen_ai.tool.type", TOOLS),
    Attribute("tool.params", (CALLED,), said=True),
    Attribute("tool.params.bytes", (CALLED,)),
    Attribute("tool.status", (RETURNED,)),
    Attribute("tool.execution_time_ms", (RETURNED,)),
    Attribute("tool.result", (RETURNED,), said=True),
    Attribute("tool.result.bytes", (RETURNED,)),
)

BESIDE: Mapping[str, str] = MappingProxyType({each.name: each.beside for each in ATTRIBUTES if each.beside})
"""Attribute → the name that it has in OpenTelemetry's conventions."""
SAID = frozenset(each.name for each in ATTRIBUTES if each.said)
"""Attributes that hold what was said. All others may be kept of everybody."""
ALLOWED: Mapping[EventName, frozenset[str]] = MappingProxyType(
    {event: frozenset(each.name for each in ATTRIBUTES if event in each.events) for event in EventName}
)
"""Event → the attributes that it may have."""

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "openai_responses": "openai",
        "azure_openai": "azure.ai.openai",
        "azure_anthropic": "azure.ai.inference",
        "bedrock": "aws.bedrock",
        "bedrock_mantle": "aws.bedrock",
        "gemini": "gcp.gemini",
        "vertex_ai": "gcp.vertex_ai",
        "vertex_anthropic": "gcp.vertex_ai",
        "mistral": "mistral_ai",
        "ollama_native": "ollama",
        "xai": "x_ai",
    }
)
"""Type of a provider → its name in OpenTelemetry's conventions, where they have another one."""

OPERATIONS: Mapping[Capability, str] = MappingProxyType(
    {
        Capability.CHAT: "chat",
        Capability.RESPONSES: "chat",
        Capability.COMPLETION: "text_completion",
        Capability.EMBEDDING: "embeddings",
    }
)
"""Capability → the operation's name in OpenTelemetry's conventions; of others it is the capability's own."""
USES_TOOL = "execute_tool"


def provider_name(vendor: str) -> str:
    """What OpenTelemetry calls the type of a provider."""
    return PROVIDERS.get(vendor, vendor)


def operation_of(capability: Capability | None) -> str:
    return "" if capability is None else OPERATIONS.get(capability, capability.value)
