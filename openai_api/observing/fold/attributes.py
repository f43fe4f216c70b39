"""Which attributes has each event? docs/events.md explains them, `openai_api.observing.names` lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openai_api.observing import names
from openai_api.observing.fold.failing import Failed
from openai_api.observing.fold.heard import Heard
from openai_api.observing.fold.host import host_attributes
from openai_api.observing.fold.memory import Live, Waiting
from openai_api.observing.fold.said import (
    bounded,
    content_of,
    new_data,
    parsed,
    prompt_of,
    refusal_of,
    result_of,
    size_of,
    without_credentials,
)
from openai_api.observing.session_event import EventName
from openai_api.observing.transcript import Transcript
from openai_api.recording.costs import cost_of, used
from openai_api.recording.events import Record
from openai_api.recording.rows import dollars
from providers.canonical.answer import Answer
from providers.canonical.blocks import HostedCall, ToolCall, ToolResult
from providers.canonical.request import Request
from providers.canonical.tools import FunctionTool

Attributes = dict[str, Any]
EXTERNAL = frozenset({"x-gateway-session-id", "x-cylestio-session-id", "x-cylestio-conversation-id"})
"""Headers with which a client names the session itself."""
CLIENT_TYPE = "gateway"
NOTHING: tuple[Any, ...] = (None, "", [], {})


def common(event: EventName, live: Live, given: Attributes, *, bodies: bool) -> Attributes:
    """All attributes of an event: its own, without what says nothing or must not be kept, and those that every event has; each
    also under its second name."""
    allowed = names.ALLOWED[event] if bodies else names.ALLOWED[event] - names.SAID
    own = {name: value for name, value in given.items() if name in allowed and value not in NOTHING}
    own |= {name: without_credentials(own[name]) for name in own.keys() & names.SAID}
    own = host_attributes() | {"session.id": live.session_id, "gen_ai.agent.id": live.agent} | own
    for name in names.BESIDE.keys() & own.keys():
        own[names.BESIDE[name]] = names.provider_name(own[name]) if name == "llm.vendor" else own[name]
    return own


def of_call(record: Record, vendor: str) -> Attributes:
    """What all events of one call have."""
    return {
        "llm.vendor": vendor,
        "llm.model": record.model,
        "request.id": record.request_id,
        "gen_ai.operation.name": names.operation_of(record.capability),
    }


def of_start(record: Record, found: Heard, *, resumed: bool) -> Attributes:
    request = found.request
    return {
        "client.type": CLIENT_TYPE,
        "session.resumed": resumed or None,
        "session.tags": dict(record.tags),
        "tools": tools_of(request),
        "prompt": None if request is None else prompt_of(request),
    }


def tools_of(request: Request | None) -> list[str]:
    """The names of the tools that the model may call."""
    tools: Iterable[Any] = () if request is None else request.tools or ()
    return [tool.name if isinstance(tool, FunctionTool) else getattr(tool, "name", "") or tool.called for tool in tools]


def of_asked(transcript: Transcript, found: Heard, *, bodies: bool) -> Attributes:
    record, messages = transcript.record, found.messages()
    total = len(messages) if messages is not None else None
    external = any(name in EXTERNAL for name, _ in transcript.request_headers)
    return {
        "session.tags": dict(record.tags),
        "llm.request.bytes": record.body_bytes or len(transcript.request),
        "llm.request.stream": record.stream,
        "llm.request.messages": total,
        "llm.request.messages.new": None if total is None else total - min(record.session_seen, total),
        "llm.request.data": bounded(new_data(found, record.session_seen, external)) if bodies and found.body else None,
    }


def of_end(transcript: Transcript, found: Heard, *, bodies: bool) -> Attributes:
    """What an answer has, whether it failed or not."""
    record, answer = transcript.record, found.answer
    first_ms = None if record.first_byte_s is None else round(record.first_byte_s * 1000, 3)
    served = record.attempts[-1] if record.attempts else None
    return {
        "llm.response.duration_ms": round(record.total_s * 1000, 3),
        "llm.response.first_byte_ms": first_ms,
        "llm.response.bytes": len(transcript.answer) or None,
        "llm.response.content": bounded(content_of(answer)) if bodies and answer is not None else None,
        "gen_ai.response.id": None if answer is None else answer.id,
        "gen_ai.response.model": (answer.model if answer is not None else None) or record.served_model,
        "server.address": served.server if served is not None else "",
        **_usage(record),
    }


def _usage(record: Record) -> Attributes:
    usage, estimated = used(record)
    if usage is None:
        return {}
    return {
        "llm.usage.input_tokens": usage.input_tokens,
        "llm.usage.output_tokens": usage.output_tokens,
        "llm.usage.total_tokens": usage.input_tokens + usage.output_tokens,
        "llm.usage.cache_read_tokens": usage.cached_tokens or None,
        "llm.usage.cache_write_tokens": usage.cache_write_tokens or None,
        "llm.usage.reasoning_tokens": usage.reasoning_tokens or None,
        "llm.usage.estimated": estimated or None,
        "llm.cost_usd": dollars(cost_of(record)),
    }


def of_finish(found: Heard, *, bodies: bool) -> Attributes:
    """What only an answer that did not fail has."""
    answer = found.answer
    reasons = [] if answer is None else _reasons(answer)
    return {
        "finish_reason": reasons[0] if reasons else None,
        "gen_ai.response.finish_reasons": reasons,
        "system_fingerprint": _fingerprint(found),
        "refusal": bounded(refusal_of(answer)) if bodies and answer is not None else None,
    }


def _reasons(answer: Answer) -> list[str]:
    stops = (choice.stop for choice in answer.choices)
    return [stop.called or stop.reason.value for stop in stops if stop is not None]


def _fingerprint(found: Heard) -> str | None:
    fingerprint = None if found.told is None else found.told.get("system_fingerprint")
    return fingerprint if isinstance(fingerprint, str) else None


def of_failure(failure: Failed) -> Attributes:
    return {"error.type": failure.type, "error.message": failure.message, "http.status_code": failure.status}


def of_execution(call: ToolCall | HostedCall) -> Attributes:
    return {
        "tool.name": call.name,
        "tool.params": bounded(parsed(call.arguments)),
        "tool.params.bytes": size_of(call.arguments),
        **_tool(call.call_id, "function" if isinstance(call, ToolCall) else "extension"),
    }


def of_result(result: ToolResult, name: str, waited: Waiting | None, asked: float) -> Attributes:
    value = result_of(result)
    return {
        "tool.name": name,
        "tool.status": "error" if result.is_error else "success",
        "tool.execution_time_ms": None if waited is None else round(max(asked - waited.at, 0.0) * 1000, 3),
        "tool.result": bounded(value),
        "tool.result.bytes": size_of(value),
        **_tool(result.call_id or (waited.call_id if waited is not None else None), "function"),
    }


def _tool(call_id: str | None, kind: str) -> Attributes:
    return {"gen_ai.operation.name": names.USES_TOOL, "gen_ai.tool.call.id": call_id, "gen_ai.tool.type": kind}


def of_session_end(live: Live, now: float, reason: str) -> Attributes:
    return {
        "session.end.reason": reason,
        "session.duration_ms": round((live.last - live.started) * 1000, 3),
        "session.idle_ms": round(max(now - live.last, 0.0) * 1000, 3),
        "session.calls": live.calls,
        "session.errors": live.errors,
        "session.tools": live.tools,
    }
