"""What would observers have seen of a recorded exchange? A transcript, made of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from openai_api.observing.transcript import Told, Transcript
from openai_api.recording.events import Attempt, Record
from providers.bytes.framing import SSE
from providers.bytes.ndjson import NDJSON
from providers.bytes.patch import InvalidJson, fields_of
from providers.convert.verbatim import VerbatimRelay
from providers.errors import ProviderError
from providers.protocols import METHODS
from providers.recordings.lines import NO_BODY, RESPONSE, Line
from providers.recordings.reading import Recorded
from providers.types import Usage, Wire
from providers.wire.over_http import OVER_HTTP

CLIENT = "replay"
"""Whose exchanges they are: nobody knows the key any more."""
MESSAGES = ("messages", "input", "contents")
MOST_SESSIONS = 10_000
CLOSED = "client_closed_request"
DIALECTS = {Wire.ANTHROPIC_MESSAGES: "anthropic", Wire.GEMINI: "gemini", Wire.OLLAMA: "ollama"}


class Replayed:
    """Makes transcripts of the exchanges of recordings, in their order; remembers how far each session has come."""

    def __init__(self) -> None:
        self._said: dict[str, list[Any]] = {}
        self._number = 0

    def transcript(self, recorded: Recorded) -> Transcript:
        """The exchange as observers see it. Raises `Damaged`."""
        self._number += 1
        request, answer, wire = recorded.request, recorded.answer, recorded.wire
        said, told = request.body or NO_BODY, (answer.body if answer else None) or NO_BODY
        asked, answered = said.data(), told.data()
        content_type = _content_type(answer)
        record = self._record(recorded, wire, asked)
        record.usage = _usage(wire, answered, content_type, streamed=recorded.streamed)
        return Transcript(
            record=record,
            ended=record.started + record.total_s,
            dialect=request.dialect or _dialect(wire),
            wire=wire,
            url=request.url or "",
            query=request.query or "",
            request_headers=tuple(request.header_pairs()),
            request=asked,
            request_cut=said.truncated,
            answer_headers=tuple(answer.header_pairs()) if answer else (),
            content_type=content_type,
            answer=answered,
            answer_cut=told.truncated,
            streamed=recorded.streamed,
            pieces=[(ms, size) for ms, size in (answer.frames or ())] if answer else [],
            complete=answer is not None and answer.type == RESPONSE and answer.complete,
            error=_error(answer),
            bodies=True,
        )

    def _record(self, recorded: Recorded, wire: Wire | None, asked: bytes) -> Record:
        request, answer = recorded.request, recorded.answer
        name = request.request_id or f"recorded-{self._number}"
        record = Record(name, request.method or "POST", request.path or "", started=request.at)
        record.client_id = record.client_name = CLIENT
        record.model = record.served_model = request.model
        record.route = request.path or ""
        record.stream = recorded.streamed if request.is_streaming is None else request.is_streaming
        record.capability = METHODS[wire].capability if wire else None
        record.body_bytes = request.body.size if request.body else 0
        record.status = (answer.status_code if answer else None) or 0
        duration = answer.duration_ms if answer else None
        record.total_s = duration / 1000 if duration else max(0.0, answer.at - request.at if answer and answer.at else 0.0)
        if answer and answer.first_byte_ms is not None:
            record.first_byte_s = answer.first_byte_ms / 1000
        outcome = "ok" if record.status and record.status < 400 else f"status_{record.status}" if record.status else "cancelled"
        record.attempts = (
            [Attempt(CLIENT, request.provider, request.model or "", outcome, upstream_s=record.total_s)]
            if (request.provider)
            else []
        )
        record.client_aborted = answer is None or answer.error_type == CLOSED
        record.error = _code(answer)
        self._find_session(record, request, asked)
        return record

    def _find_session(self, record: Record, request: Line, asked: bytes) -> None:
        """The recorded session; an exchange without one is a session of its own."""
        record.session = request.session_id or record.request_id
        messages = _messages(asked)
        before = self._said.pop(record.session, None)
        record.session_new = before is None
        record.session_seen = _shared(before or [], messages)
        if len(self._said) >= MOST_SESSIONS:
            del self._said[next(iter(self._said))]
        self._said[record.session] = messages


def _messages(asked: bytes) -> list[Any]:
    try:
        body = msgspec.json.decode(asked)
    except (msgspec.MsgspecError, RecursionError):
        return []
    found = [body[name] for name in MESSAGES if name in body] if isinstance(body, dict) else []
    return found[0] if found and isinstance(found[0], list) else []


def _shared(before: Sequence[Any], now: Sequence[Any]) -> int:
    """How many messages at the beginning are the same."""
    count = 0
    for one, other in zip(before, now, strict=False):
        if one != other:
            break
        count += 1
    return count


def _content_type(answer: Line | None) -> str:
    return (answer.content_type or answer.header("content-type")) if answer else ""


def _dialect(wire: Wire | None) -> str:
    return {Wire.ANTHROPIC_MESSAGES: "anthropic", Wire.GEMINI: "gemini", Wire.OLLAMA: "ollama"}.get(
        wire or Wire.OPENAI_CHAT, "openai"
    )


def _error(answer: Line | None) -> Told | None:
    if answer is None:
        return None
    if answer.type != RESPONSE:
        return None if answer.error_type == CLOSED else Told(0, "api_error", answer.error_type, answer.error_message or "")
    if answer.error is not None:
        said = {name: str(value) for name, value in answer.error.items() if value is not None}
        return Told(answer.status_code or 0, said.get("type", "api_error"), said.get("code"), said.get("message", ""))
    return None


def _code(answer: Line | None) -> str | None:
    if answer is None:
        return CLOSED
    if answer.type != RESPONSE:
        return answer.error_type or "error"
    error = _error(answer)
    if error is not None:
        return error.code or error.type
    return None if (answer.status_code or 200) < 400 else f"status_{answer.status_code}"


def _usage(wire: Wire | None, answered: bytes, content_type: str, *, streamed: bool) -> Usage | None:
    """The tokens that the answer tells."""
    if wire is None or not answered:
        return None
    try:
        if not streamed:
            return OVER_HTTP[wire].usage_of(fields_of(answered))
        relay = VerbatimRelay(wire, NDJSON if content_type.startswith(NDJSON.content_type.decode()) else SSE)
        relay.feed(answered)
        relay.end()
    except (InvalidJson, ProviderError, msgspec.MsgspecError):
        return None
    return relay.usage
