"""How does a request become part of a trace, and how is that told? In the worker two headers; in the recorder its spans."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from openai_api.hooks import HookContext, HookRequest, Transcript
from openai_api.interceptors.tracer.trace_context import (
    RANDOM,
    SAMPLED,
    in_ratio,
    new_ids,
    parent_of,
    threshold_of,
    traceparent,
)
from openai_api.observing.otlp import require_extra
from openai_api.observing.otlp.config import OtlpConfig, checked_endpoint, configured, headers_of
from openai_api.observing.otlp.conventions import Conventions
from providers.types import Secret

Timeout = Annotated[float, msgspec.Meta(gt=0, le=300)]


class TracerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ratio: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="the part of the traces that begin here which is kept, from 0 to 1")
    ] = 1.0
    follow_parent: Annotated[
        bool, msgspec.Meta(description="a trace that the client has begun is kept if the client keeps it; off: `ratio` decides")
    ] = True
    content: Annotated[
        bool,
        msgspec.Meta(description="spans have what was said, of client keys that allow it; `GATEWAY_OTEL_CONTENT` does that too"),
    ] = False
    endpoint: Annotated[
        str, msgspec.Meta(description="the collector's address; empty: that of `OTEL_EXPORTER_OTLP_ENDPOINT`", max_length=2000)
    ] = ""
    headers: Annotated[
        Secret | None,
        msgspec.Meta(description="headers for it, `name=value,name=value`; by default those of `OTEL_EXPORTER_OTLP_HEADERS`"),
    ] = None
    service_name: Annotated[str, msgspec.Meta(description="`service.name`; empty: `OTEL_SERVICE_NAME`", max_length=200)] = ""
    conventions: Annotated[
        Literal["released", "latest"] | None, msgspec.Meta(description="by default those of `GATEWAY_OTEL_CONVENTIONS`")
    ] = None
    timeout_s: Annotated[Timeout | None, msgspec.Meta(description="seconds; by default `OTEL_EXPORTER_OTLP_TIMEOUT`")] = None

    def __post_init__(self) -> None:
        require_extra()
        if self.endpoint:
            try:
                checked_endpoint(self.endpoint)
            except ValueError as error:
                raise ValueError(f"'endpoint' {error}") from None
        try:
            headers_of(self.headers or Secret(""))
        except ValueError as error:
            raise ValueError(f"'headers' {error}") from None

    def config(self) -> OtlpConfig:
        """What holds with these options."""
        given: dict[str, Any] = {
            "endpoint": self.endpoint,
            "headers": self.headers,
            "service": self.service_name,
            "conventions": Conventions(self.conventions) if self.conventions else None,
            "timeout_s": self.timeout_s,
            "content": self.content,
        }
        return msgspec.structs.replace(configured(), **{name: value for name, value in given.items() if value})


class Tracer:
    """Makes each request a span of its client's trace, or of a new one, and each try of an upstream a span below it, and
    sends them to a collector (OTLP). Upstreams are told the request's span as their parent (W3C Trace Context). Needs the extra
    `otel`."""

    name = "tracer"
    fail_open = True
    """A request is not refused because it cannot be traced."""
    Options = TracerOptions

    def __init__(self, options: TracerOptions) -> None:
        self._config = options.config()
        self._follow = options.follow_parent
        self._threshold = threshold_of(options.ratio)
        self._exporter: Any = None

    # In the worker

    async def before_request(self, context: HookContext, request: HookRequest) -> None:
        record, headers = context.record, context.headers
        trace, span = new_ids()
        flags = 0
        if parent := parent_of(headers):
            trace, flags = parent.trace, parent.flags & RANDOM
            record.parent_span = parent.span
        sampled = parent.sampled if parent and self._follow else in_ratio(trace, self._threshold)
        record.trace, record.span = trace, span if sampled else ""
        request.send_header("traceparent", traceparent(trace, span, flags | SAMPLED if sampled else flags))
        if "tracestate" in headers and not (parent and parent.state):
            request.send_header("tracestate", None)

    # In the recorder

    @property
    def dropped(self) -> int:
        """Spans that the collector will not get."""
        return 0 if self._exporter is None else int(self._exporter.dropped)

    def observe(self, transcript: Transcript) -> None:
        if not transcript.record.span:
            return
        from openai_api.interceptors.tracer.spans import spans_of
        from openai_api.observing.otlp.requests import span_exporter

        if self._exporter is None:
            self._exporter = span_exporter(self._config)
        self._exporter.put(spans_of(transcript, self._config))

    def close(self) -> None:
        if self._exporter is not None:
            from openai_api.observing.otlp.exporter import close_all

            close_all(self._exporter)
