"""Which spans is an exchange? One of the request, which has all that is known of it, and one of each try of an upstream."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from openai_api.interceptors.tracer.content import content_of
from openai_api.observing.fold.heard import Heard, heard
from openai_api.observing.names import operation_of, provider_name
from openai_api.observing.otlp.config import OtlpConfig
from openai_api.observing.otlp.conventions import ATTRIBUTES, FAILED, ITSELF, OUTPUT_TYPES, Conventions, finish_of
from openai_api.observing.otlp.errors import error_of
from openai_api.observing.otlp.values import attributes, nanoseconds
from openai_api.observing.session_event import new_span_id
from openai_api.observing.transcript import Transcript
from openai_api.recording.costs import cost_of
from openai_api.recording.events import Attempt, Record
from openai_api.recording.rows import CLIENT_CLOSED, dollars
from providers.canonical.request import Request

CHILD_SAMPLED = 0x301
"""Flags of a span: sampled; whether its parent is remote is known (0x100), and it is (0x200)."""
SAMPLED_LOCAL = 0x101
OK = "ok"
Values = dict[str, Any]


def spans_of(transcript: Transcript, config: OtlpConfig) -> list[Span]:
    """The spans, in the order of their beginnings."""
    record, said = transcript.record, heard(transcript)
    failed = error_of(transcript)
    return [
        _request(transcript, said, failed, config),
        *(_attempt(record, attempt, failed, config) for attempt in record.attempts),
    ]


def _request(transcript: Transcript, said: Heard, failed: str, config: OtlpConfig) -> Span:
    record = transcript.record
    values = _named(_asked(record, said) | _answered(transcript, said), config.conventions)
    if config.content and transcript.bodies:
        values |= _named(content_of(said), config.conventions)
    values |= _of_gateway(transcript) | {"error.type": failed or None}
    span = Span(
        trace_id=bytes.fromhex(record.trace),
        span_id=bytes.fromhex(record.span),
        parent_span_id=bytes.fromhex(record.parent_span),
        name=f"{operation_of(record.capability) or record.method} {_model(record) or record.route}".strip(),
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=nanoseconds(record.started),
        end_time_unix_nano=nanoseconds(record.started + record.total_s),
        flags=CHILD_SAMPLED if record.parent_span else SAMPLED_LOCAL,
        attributes=attributes(values),
    )
    if failed:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR))
    return span


def _attempt(record: Record, attempt: Attempt, failed: str, config: OtlpConfig) -> Span:
    began = attempt.began - record.clock
    ended = began + attempt.upstream_s
    error = "" if attempt.outcome == OK else attempt.outcome
    if attempt.outcome == OK and attempt is record.attempts[-1] and record.stream:
        ended, error = max(ended, record.total_s), failed  # a try of a stream has its outcome with the first event
    values = {
        "operation": operation_of(record.capability),
        "provider": provider_name(attempt.vendor or attempt.provider),
        "model asked for": attempt.upstream_model,
        "stream": record.stream or None,
    }
    more = {
        "server.address": attempt.server or None,
        "error.type": error or None,
        "signalbox.failure": attempt.failure,
        "signalbox.provider": attempt.provider,
        "signalbox.attempt": record.attempts.index(attempt) + 1,
    }
    span = Span(
        trace_id=bytes.fromhex(record.trace),
        span_id=bytes.fromhex(new_span_id()),
        parent_span_id=bytes.fromhex(record.span),
        name=f"{values['operation']} {attempt.upstream_model}".strip(),
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=nanoseconds(record.started + began),
        end_time_unix_nano=nanoseconds(record.started + ended),
        flags=SAMPLED_LOCAL,
        attributes=attributes(_named(values, config.conventions) | more),
    )
    if error:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR))
    return span


def _named(values: Values, conventions: Conventions) -> Values:
    """The values under the conventions' names; what has none there is left out."""
    return {named: value for name, value in values.items() if (named := ATTRIBUTES[name][conventions]) and value is not None}


def _model(record: Record) -> str:
    return record.model or ""


def _asked(record: Record, said: Heard) -> Values:
    last = record.attempts[-1] if record.attempts else None
    embedding = said.body if said.request is None and said.body is not None else {}
    return {
        "operation": operation_of(record.capability) or None,
        "provider": provider_name(last.vendor or last.provider) if last else ITSELF,
        "conversation": record.session or None,
        "agent": record.agent or None,
        "model asked for": record.model,
        "stream": record.stream or None,
        "output type": _output_type(record, said.request),
        "dimensions": _whole(embedding.get("dimensions")),
        "encoding": [embedding["encoding_format"]] if isinstance(embedding.get("encoding_format"), str) else None,
        **(_settings(said.request) if said.request is not None else {}),
    }


def _settings(request: Request) -> Values:
    sampling = request.sampling
    return {
        "longest answer": request.limits.output_tokens,
        "temperature": _number(sampling.temperature),
        "top_p": _number(sampling.top_p),
        "top_k": sampling.top_k,
        "presence penalty": _number(sampling.presence_penalty),
        "frequency penalty": _number(sampling.frequency_penalty),
        "seed": sampling.seed,
        "choices": sampling.choices if sampling.choices != 1 else None,
        "effort": request.thinking.effort,
    }


def _answered(transcript: Transcript, said: Heard) -> Values:
    record, answer = transcript.record, said.answer
    usage = None if record.counted_apart else record.usage
    values: Values = {
        "model that answered": record.attempts[-1].upstream_model if _served(record) else None,
        "time to the first chunk": record.first_byte_s if record.stream else None,
    }
    if answer is not None:
        values["answer's id"] = answer.id
        stops = [choice.stop for choice in answer.choices]
        values["finish reasons"] = [(stop.called or finish_of(stop.reason)) if stop else FAILED for stop in stops] or None
    if usage is not None:
        values |= {
            "input tokens": usage.input_tokens,
            "output tokens": usage.output_tokens,
            "tokens from the cache": usage.cached_tokens or None,
            "tokens to the cache": usage.cache_write_tokens or None,
            "tokens of thoughts": usage.reasoning_tokens or None,
        }
    return values


def _of_gateway(transcript: Transcript) -> Values:
    record = transcript.record
    return {
        "http.request.method": record.method,
        "http.route": record.route or None,
        "url.path": record.path,
        "http.response.status_code": CLIENT_CLOSED if record.client_aborted else record.status or None,
        "signalbox.request.id": record.request_id,
        "signalbox.client.name": record.client_name,
        "signalbox.tenant": record.tenant or None,
        "signalbox.dialect": transcript.dialect or None,
        "signalbox.served_model": record.served_model,
        "signalbox.cost_usd": dollars(cost_of(record)),
        **{f"signalbox.tag.{name}": value for name, value in record.tags.items()},
    }


def _served(record: Record) -> bool:
    return bool(record.attempts) and record.attempts[-1].outcome == OK


def _output_type(record: Record, request: Request | None) -> str | None:
    if record.capability is not None and record.capability in OUTPUT_TYPES:
        return OUTPUT_TYPES[record.capability]
    wanted = request.output.format if request is not None else None
    return None if wanted is None else ("json" if wanted.kind in ("json", "schema") else "text")


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
