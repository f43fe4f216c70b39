"""How is a session event told as a log record? Its name, time and level, and its attributes under both of their names."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from types import MappingProxyType
from typing import Any

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from openai_api.observing import redact
from openai_api.observing.names import SAID
from openai_api.observing.otlp.conventions import ATTRIBUTES, Conventions
from openai_api.observing.otlp.values import attributes, nanoseconds
from openai_api.observing.session_event import Level, SessionEvent

SEVERITIES: Mapping[Level, logs_pb2.SeverityNumber.ValueType] = MappingProxyType(
    {
        Level.DEBUG: logs_pb2.SEVERITY_NUMBER_DEBUG,
        Level.INFO: logs_pb2.SEVERITY_NUMBER_INFO,
        Level.WARNING: logs_pb2.SEVERITY_NUMBER_WARN,
        Level.ERROR: logs_pb2.SEVERITY_NUMBER_ERROR,
    }
)
RENAMED: Mapping[Conventions, Mapping[str, str]] = MappingProxyType(
    {
        version: {named[Conventions.RELEASED]: named[version] for named in ATTRIBUTES.values() if named[Conventions.RELEASED]}
        for version in Conventions
    }
)
"""Attributes of events, which have the released names → those of a version."""
Context = tuple[str, str]
"""Trace and span."""


def log_of(event: SessionEvent, conventions: Conventions, *, content: bool, context: Context | None = None) -> LogRecord:
    """The event. `content` lets through what was said, of clients that allow it. `context` is where the request stands in a
    trace, if it does; else the event's own ids are told, by which the events of a session belong together."""
    trace, span = context or (event.trace_id, event.span_id)
    return LogRecord(
        time_unix_nano=nanoseconds(event.at),
        observed_time_unix_nano=nanoseconds(time()),
        severity_number=SEVERITIES[event.level],
        severity_text=str(event.level),
        event_name=str(event.name),
        body=AnyValue(string_value=str(event.name)),
        attributes=attributes(_told(event, RENAMED[conventions], content=content and event.bodies)),
        trace_id=bytes.fromhex(trace),
        span_id=bytes.fromhex(span),
    )


def _redacted(value: Any) -> Any:
    """Without what looks like a credential."""
    return msgspec.json.decode(redact.json_body(msgspec.json.encode(value)))


def _told(event: SessionEvent, names: Mapping[str, str], *, content: bool) -> dict[str, Any]:
    told = {
        names.get(name, name): value if name not in SAID else _redacted(value)
        for name, value in event.attributes.items()
        if content or name not in SAID
    }
    own = {
        "session.id": event.session_id,
        "gen_ai.conversation.id": event.session_id,
        "gen_ai.agent.id": event.agent_id,
        "signalbox.request.id": event.request_id,
        "signalbox.client.name": event.client_name,
        "signalbox.tenant": event.tenant,
        **{f"signalbox.tag.{name}": value for name, value in event.tags.items()},
    }
    return {name: value for name, value in own.items() if value} | told
