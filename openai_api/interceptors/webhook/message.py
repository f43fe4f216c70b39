"""What does a message say? Of a request its numbers and, where they are wanted and allowed, both bodies; of an event itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from openai_api.interceptors.webhook.options import FAILED, FINISHED, Options
from openai_api.observing.names import ATTRIBUTES
from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript
from openai_api.recording.events import Record

SAID = frozenset(attribute.name for attribute in ATTRIBUTES if attribute.said)
"""Attributes of events that hold what was said."""
FAILURE = 400
"""From this status on a request has failed."""


def kind_of(transcript: Transcript) -> str:
    record = transcript.record
    return FAILED if record.error or record.status >= FAILURE or not transcript.complete else FINISHED


def of_exchange(transcript: Transcript, options: Options) -> bytes:
    """The message about a request that has ended."""
    data = _numbers(transcript.record, transcript)
    body = _encoded(kind_of(transcript), transcript.ended, data)
    if not options.include_bodies or not transcript.bodies:
        return body
    with_bodies = {
        **data,
        "request": _said(transcript.request),
        "request_cut": transcript.request_cut,
        "answer": _said(transcript.answer),
        "answer_cut": transcript.answer_cut,
    }
    whole = _encoded(kind_of(transcript), transcript.ended, with_bodies)
    if len(whole) <= options.max_bytes:
        return whole
    return _encoded(kind_of(transcript), transcript.ended, {**data, "request_cut": True, "answer_cut": True})


def of_event(event: SessionEvent, options: Options) -> bytes:
    """The message about an event of a session."""
    data = event.line()
    if not options.include_bodies or not event.bodies:
        data["attributes"] = {name: value for name, value in event.attributes.items() if name not in SAID}
    body = _encoded(str(event.name), event.at, data)
    if len(body) <= options.max_bytes:
        return body
    return _encoded(str(event.name), event.at, {**data, "attributes": {}, "attributes_cut": True})


def _numbers(record: Record, transcript: Transcript) -> dict[str, Any]:
    usage = record.usage
    return {
        "request_id": record.request_id,
        "method": record.method,
        "path": record.path,
        "status": record.status,
        "error": record.error,
        "model": record.model,
        "served_model": record.served_model,
        "provider": record.attempts[-1].provider if record.attempts else record.provider or None,
        "stream": record.stream,
        "complete": transcript.complete,
        "client_aborted": record.client_aborted,
        "client": {"id": record.client_id, "name": record.client_name},
        "tenant": record.tenant or None,
        "session": record.session or None,
        "agent": record.agent or None,
        "tags": record.tags,
        "usage": None if usage is None else msgspec.structs.asdict(usage),
        "started": _time(record.started),
        "duration_ms": round(record.total_s * 1000, 3),
        "first_byte_ms": None if record.first_byte_s is None else round(record.first_byte_s * 1000, 3),
    }


def _said(body: bytes) -> Any:
    """JSON as it is, anything else as a text."""
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _encoded(kind: str, at: float, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": kind, "timestamp": _time(at), "data": data})


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
