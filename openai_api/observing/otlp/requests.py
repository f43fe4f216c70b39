"""Which message carries spans, logs or metrics, and what does the collector answer to it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from openai_api.observing.otlp.config import OtlpConfig
from openai_api.observing.otlp.conventions import SCHEMA_URLS
from openai_api.observing.otlp.exporter import Exporter
from openai_api.observing.otlp.post import Post
from openai_api.observing.otlp.values import resource_of, scope_of

SNAPSHOTS = 2
"""Of metrics that may wait: the newer one holds all that the older does."""


def span_exporter(config: OtlpConfig) -> Exporter[Span]:
    resource, scope, schema = resource_of(config), scope_of(config), SCHEMA_URLS[config.conventions]

    def pack(spans: Sequence[Span]) -> bytes:
        told = ScopeSpans(scope=scope, spans=spans, schema_url=schema)
        return ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(resource=resource, scope_spans=[told])]
        ).SerializeToString()

    return Exporter("traces", Post(config, "traces", _rejected_spans), pack)


def log_exporter(config: OtlpConfig) -> Exporter[LogRecord]:
    resource, scope, schema = resource_of(config), scope_of(config), SCHEMA_URLS[config.conventions]

    def pack(records: Sequence[LogRecord]) -> bytes:
        told = ScopeLogs(scope=scope, log_records=records, schema_url=schema)
        return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=[told])]).SerializeToString()

    return Exporter("logs", Post(config, "logs", _rejected_logs), pack)


def metric_exporter(config: OtlpConfig) -> Exporter[ScopeMetrics]:
    """Of several snapshots that wait only the last is sent."""
    resource = resource_of(config)

    def pack(snapshots: Sequence[ScopeMetrics]) -> bytes:
        told = ResourceMetrics(resource=resource, scope_metrics=snapshots[-1:])
        return ExportMetricsServiceRequest(resource_metrics=[told]).SerializeToString()

    return Exporter("metrics", Post(config, "metrics", _rejected_points), pack, most_items=SNAPSHOTS)


def snapshot_of(metrics: Sequence[Metric], config: OtlpConfig) -> ScopeMetrics:
    return ScopeMetrics(scope=scope_of(config), metrics=metrics, schema_url=SCHEMA_URLS[config.conventions])


def _rejected_spans(body: bytes) -> int:
    return _read(lambda: ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)


def _rejected_logs(body: bytes) -> int:
    return _read(lambda: ExportLogsServiceResponse.FromString(body).partial_success.rejected_log_records)


def _rejected_points(body: bytes) -> int:
    return _read(lambda: ExportMetricsServiceResponse.FromString(body).partial_success.rejected_data_points)


def _read(rejected: Callable[[], int]) -> int:
    """0 of an answer that is no message: what it answers was taken."""
    try:
        return max(rejected(), 0)
    except DecodeError:
        return 0
