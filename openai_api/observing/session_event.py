"""What is an event of a session? docs/events.md has the vocabulary: seven names, common fields, attributes."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from secrets import token_hex
from typing import Any

import msgspec

SCHEMA_VERSION = "1.0"


class EventName(StrEnum):
    SESSION_START = "session.start"
    SESSION_END = "session.end"
    CALL_START = "llm.call.start"
    CALL_FINISH = "llm.call.finish"
    CALL_ERROR = "llm.call.error"
    TOOL_EXECUTION = "tool.execution"
    TOOL_RESULT = "tool.result"


class Level(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class SessionEvent(msgspec.Struct, kw_only=True):
    """One event. `at` is in seconds since the epoch. `trace_id` (32 hexadecimal digits) is the same for all events of a session,
    `span_id` (16) as docs/events.md has it. `bodies` says that the attributes hold what was said; those that do are named in
    `openai_api.observing.names`. The rest of the fields say whose it is, for sinks that keep it."""

    name: EventName
    at: float
    session_id: str
    trace_id: str
    span_id: str
    agent_id: str = ""
    level: Level = Level.INFO
    attributes: dict[str, Any] = {}
    request_id: str = ""
    client_id: str = ""
    client_name: str = ""
    tenant: str = ""
    tags: dict[str, str] = {}
    model: str = ""
    bodies: bool = False

    def line(self) -> dict[str, Any]:
        """The event as it stands in files and collectors, one JSON object a line."""
        return {
            "schema_version": SCHEMA_VERSION,
            "timestamp": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="microseconds"),
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "name": str(self.name),
            "level": str(self.level),
            "agent_id": self.agent_id,
            "session_id": self.session_id,
            "attributes": self.attributes,
        }


def trace_id_of(session_id: str, client_id: str = "") -> str:
    """The trace id of a session: the same in every process. Two keys may call their sessions alike."""
    return sha256(f"{client_id}\0{session_id}".encode("utf-8", "replace")).hexdigest()[:32]


def new_span_id() -> str:
    return token_hex(8)
