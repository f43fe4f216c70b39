"""What is kept of a request? One row, made from its record; no body and no key ever is in it."""

from __future__ import annotations

import msgspec

from models_catalog.bounds import NANO
from openai_api.recording.costs import cost_of, used
from openai_api.recording.events import Attempt, Record

CLIENT_CLOSED = 499
MAYBE_SERVED = frozenset(
    {
        "upstream_reset",
        "upstream_timeout",
        "ttft_timeout",
        "total_timeout",
        "upstream_idle_timeout",
        "upstream_protocol_error",
        "upstream_response_too_large",
        "upstream_invalid_response",
        "upstream_empty_stream",
        "upstream_stream_truncated",
    }
)
"""Outcomes of tries whose request was sent, and of which nobody knows whether it was done."""


class UsageRow(msgspec.Struct):
    """One request. Times in milliseconds, `started_at` in seconds since the epoch, `cost_usd` None when unknown.

    `id` makes writing it twice harmless; it begins with the time, so that rows are appended to its index. `attempts` and
    `tags` are JSON texts. `possible_duplicate` says that a try which was given up may have been served, and paid for, as well.
    `estimated` says that the upstream did not tell the tokens: then four bytes count as one token in, and a stream's event as one
    token out.
    """

    id: str
    started_at: float
    request_id: str
    method: str
    path: str
    status: int
    client_id: str | None
    client_name: str | None
    model: str | None
    served_model: str | None
    provider: str | None
    upstream_model: str | None
    attempts: str
    tries: int
    error: str | None
    stream: bool
    client_aborted: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    estimated: bool
    cost_usd: float | None
    first_byte_ms: float | None
    upstream_ms: float
    gateway_ms: float | None
    total_ms: float
    possible_duplicate: bool = False
    session: str | None = None
    agent: str | None = None
    tenant: str | None = None
    tags: str | None = None
    project: str | None = None
    person: str | None = None
    app: str | None = None
    user_agent: str | None = None
    service_tier: str | None = None
    cache: str | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    units: str | None = None
    test: bool = False
    revision: int | None = None


COLUMNS = UsageRow.__struct_fields__


class _Try(msgspec.Struct, omit_defaults=True):
    """An attempt as the row tells it; `started_ms` is counted from the request's beginning. An empty `message` is
    left out."""

    target: str
    provider: str
    upstream_model: str
    outcome: str
    failure: str | None
    upstream_s: float
    started_ms: float
    message: str = ""


def row_of(record: Record, row_id: str) -> UsageRow:
    """The row of a request that has ended; an id of the record's own goes before `row_id`."""
    last = record.attempts[-1] if record.attempts else None
    usage, estimated = used(record)
    upstream_s = record.upstream_s()
    return UsageRow(
        id=record.row_id or row_id,
        started_at=record.started,
        request_id=record.request_id,
        method=record.method[:20],
        path=_text(record.path, 200),
        status=CLIENT_CLOSED if record.client_aborted else record.status,
        client_id=record.client_id,
        client_name=record.client_name,
        model=record.model,
        served_model=record.served_model,
        provider=last.provider if last else record.provider or None,
        upstream_model=last.upstream_model if last else record.upstream_model or None,
        attempts=msgspec.json.encode([_try(attempt, record.clock) for attempt in record.attempts]).decode(),
        tries=len(record.attempts),
        error=_text(record.error, 100) if record.error else None,
        stream=record.stream,
        client_aborted=record.client_aborted,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        estimated=estimated,
        cost_usd=dollars(cost_of(record)),
        first_byte_ms=_ms(record.first_byte_s),
        upstream_ms=upstream_s * 1000,
        gateway_ms=None if record.first_byte_s is None else max(record.first_byte_s - upstream_s, 0.0) * 1000,
        total_ms=record.total_s * 1000,
        possible_duplicate=any(tried.outcome in MAYBE_SERVED for tried in record.attempts[:-1]),
        session=_text(record.session, 256) or None,
        agent=_text(record.agent, 256) or None,
        tenant=_text(record.tenant, 200) or None,
        tags=msgspec.json.encode(record.tags).decode() if record.tags else None,
        project=_text(record.project, 200) or None,
        person=_text(record.person, 200) or None,
        app=_text(record.app, 200) or None,
        user_agent=_text(record.user_agent, 200) or None,
        service_tier=_text(record.service_tier, 20) or None,
        cache=record.cache or None,
        cache_write_tokens=usage.cache_write_tokens if usage else None,
        audio_tokens=usage.audio_input_tokens + usage.audio_output_tokens if usage else None,
        image_tokens=usage.image_input_tokens + usage.image_output_tokens if usage else None,
        units=msgspec.json.encode(record.units).decode() if record.units else None,
        test=record.test,
        revision=record.revision or None,
    )


def dollars(nano: int | None) -> float | None:
    """Billionths of a US dollar as dollars: nine decimals of it are exact up to a million dollars."""
    return None if nano is None else nano / NANO


def _try(attempt: Attempt, clock: float) -> _Try:
    started_ms = round(max(attempt.began - clock, 0.0) * 1000, 3)
    told = attempt.target, attempt.provider, attempt.upstream_model, attempt.outcome, attempt.failure, attempt.upstream_s
    return _Try(*told, started_ms, attempt.message)


def _text(text: str, length: int) -> str:
    """What a column of that length takes of a text that comes from outside."""
    return text[:length].replace("\0", "")


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
