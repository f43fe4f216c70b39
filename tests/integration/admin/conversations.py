"""Sessions to look at: their rows as the database sink writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from openai_api.database.erasure import tags_of
from openai_api.models import SessionEventRow, SessionLabelRow, SessionRow, UsageRecord, UsageTag

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Conversation:
    """One session in the making: each method adds an event, a second after the last one."""

    row: SessionRow
    at: datetime = BEGAN
    number: int = 0
    bodies: bool = True
    made: list[SessionEventRow] = field(default_factory=list)

    def add(self, name: str, *, request: str = "", level: str = "INFO", **attributes: Any) -> SessionEventRow:
        self.number += 1
        self.at += timedelta(seconds=1)
        told = json.dumps({key.replace("__", "."): value for key, value in attributes.items()})
        event = SessionEventRow(
            session=self.row, number=self.number, at=self.at, name=name, level=level, request_id=request,
            model=self.row.model, attributes=told, bodies=self.bodies,
        )  # fmt: skip
        self.made.append(event)
        return event

    def call(self, request: str, said: object, answer: object, **attributes: Any) -> None:
        """A call and its answer; of what is said only if bodies are recorded."""
        asked: dict[str, Any] = {"llm__request__data": {"messages": said}} if self.bodies else {}
        told: dict[str, Any] = {"llm__response__content": answer} if self.bodies else {}
        self.add("llm.call.start", request=request, **asked, llm__model=self.row.model)
        numbers: dict[str, Any] = {
            "llm.vendor": "openai", "finish_reason": "stop", "llm.response.duration_ms": 1420.0,
            "llm.usage.input_tokens": 1204, "llm.usage.output_tokens": 88, "llm.cost_usd": 0.0031,
        }  # fmt: skip
        self.add("llm.call.finish", request=request, **(numbers | told | attributes))

    def tool(self, call: str, name: str, params: object, result: object | None = None) -> None:
        shared: dict[str, Any] = {"tool__name": name, "gen_ai__tool__call__id": call}
        asked: dict[str, Any] = {"tool__params": params} if self.bodies else {}
        told: dict[str, Any] = {"tool__result": result} if self.bodies else {}
        self.add("tool.execution", **shared, **asked)
        if result is not None:
            self.add("tool.result", **shared, **told, tool__status="success", tool__execution_time_ms=240.0)

    def save(self) -> SessionRow:
        SessionEventRow.objects.bulk_create(self.made)
        self.made = []
        self.row.events_count, self.row.last_at = self.number, self.at
        self.row.save()
        return self.row


def new_session(session_id: str, *, tags: dict[str, str] | None = None, **fields: Any) -> SessionRow:
    """A session with its labels, that runs unless it is said to have ended."""
    defaults = {"model": "gpt-4o", "trace": "0" * 32, "started_at": BEGAN, "last_at": BEGAN, "tags": json.dumps(tags or {})}
    row = SessionRow.objects.create(session_id=session_id, **{**defaults, **fields})
    labels = [SessionLabelRow(session=row, kind="tag", name=name, value=value) for name, value in (tags or {}).items()]
    SessionLabelRow.objects.bulk_create([*labels, SessionLabelRow(session=row, kind="model", name=row.model)])
    return row


def new_requests(row: SessionRow, names: Iterable[str], **fields: Any) -> list[UsageRecord]:
    """Requests that were part of a session."""
    told = {
        "started_at": row.started_at, "method": "POST", "path": "/v1/chat/completions", "status": 200, "upstream_ms": 1,
        "total_ms": 2, "client_id": row.client_id or None, "client_name": row.client_name or None, "model": row.model,
        "session": row.session_id, "agent": row.agent or None, "tenant": row.tenant or None, "tags": row.tags,
        "cost_usd": Decimal("0.5"), "input_tokens": 10, "output_tokens": 5,
    }  # fmt: skip
    made = UsageRecord.objects.bulk_create([UsageRecord(request_id=name, **{**told, **fields}) for name in names])
    UsageTag.objects.bulk_create(
        UsageTag(request=one.pk, at=one.started_at, name=name, value=value)
        for one in made
        for name, value in tags_of(one.tags).items()
    )
    return made
