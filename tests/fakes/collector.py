"""How does a test see what is sent over OTLP? A collector that decodes the protobuf, and misbehaves on request.

It serves `/v1/traces`, `/v1/logs` and `/v1/metrics` of OTLP/HTTP. `script` says what the next requests of a signal are answered
with; everything else is taken.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, cast

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.fakes.chaos.process import eventually

WITHIN = 30.0
REQUESTS: Mapping[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def rejecting(signal: str, number: int) -> Message:
    """The answer that some items were not taken."""
    if signal == "traces":
        return ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=number))
    if signal == "logs":
        return ExportLogsServiceResponse(partial_success=ExportLogsPartialSuccess(rejected_log_records=number))
    return ExportMetricsServiceResponse(partial_success=ExportMetricsPartialSuccess(rejected_data_points=number))


class Behaviour(NamedTuple):
    """`status` 0 resets the connection. `rejected` is a partial success. What waits (`wait_s`) comes too late.
    `body` takes the message's place."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    rejected: int = 0
    wait_s: float = 0.0
    body: bytes | None = None


class Received(NamedTuple):
    signal: str
    headers: Mapping[str, str]
    message: Any
    data: bytes
    at: float
    taken: bool


class Collector:
    """What has been received, taken or not."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._scripts: dict[str, list[Behaviour]] = defaultdict(list)
        self._always: dict[str, Behaviour] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.collector = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, signal: str, *behaviours: Behaviour) -> None:
        self._scripts[signal] += behaviours

    def always(self, signal: str, behaviour: Behaviour | None) -> None:
        """From now on, until None."""
        if behaviour is None:
            self._always.pop(signal, None)
        else:
            self._always[signal] = behaviour

    def reset(self) -> None:
        with self._lock:
            self.received.clear()
            self._scripts.clear()
            self._always.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def behaviour(self, signal: str) -> Behaviour:
        with self._lock:
            script = self._scripts[signal]
            return script.pop(0) if script else self._always.get(signal, Behaviour())

    def note(self, received: Received) -> None:
        with self._lock:
            self.received.append(received)

    def of(self, signal: str, *, taken: bool = True) -> list[Received]:
        with self._lock:
            return [each for each in self.received if each.signal == signal and (each.taken or not taken)]

    def spans(self) -> list[Span]:
        """The spans that were taken, in their order."""
        return [
            span
            for each in self.of("traces")
            for found in each.message.resource_spans
            for scope in found.scope_spans
            for span in scope.spans
        ]

    def logs(self) -> list[LogRecord]:
        return [
            record
            for each in self.of("logs")
            for found in each.message.resource_logs
            for scope in found.scope_logs
            for record in scope.log_records
        ]

    def metrics(self) -> dict[str, Metric]:
        """The latest state of each metric, with the series of all processes that tell."""
        latest: dict[tuple[str, str], Metric] = {}
        for each in self.of("metrics"):
            for found in each.message.resource_metrics:
                instance = values(found.resource.attributes)["service.instance.id"]
                latest |= {(instance, metric.name): metric for scope in found.scope_metrics for metric in scope.metrics}
        told: dict[str, Metric] = {}
        for (_, name), metric in latest.items():
            told.setdefault(name, Metric()).MergeFrom(metric)
        return told

    def has_span_of(self, request_id: str) -> bool:
        return self._request(request_id) is not None

    def spans_of(self, request_id: str) -> tuple[Span, list[Span]]:
        """The span of that request, and those below it, once they are there."""
        assert eventually(lambda: self._request(request_id) is not None, WITHIN, 0.02), [span.name for span in self.spans()]
        found = cast("Span", self._request(request_id))
        return found, [span for span in self.spans() if span.parent_span_id == found.span_id]

    def _request(self, request_id: str) -> Span | None:
        found = (span for span in self.spans() if values(span.attributes).get("signalbox.request.id") == request_id)
        return next(found, None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    collector: Collector


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        collector = cast("_Server", self.server).collector
        signal = self.path.removeprefix("/v1/")
        data = self.rfile.read(int(self.headers["content-length"]))
        whole = gzip.decompress(data) if self.headers.get("content-encoding") == "gzip" else data
        behaviour = collector.behaviour(signal)
        message = REQUESTS[signal]()
        message.ParseFromString(whole)
        headers = {name.lower(): value for name, value in self.headers.items()}
        collector.note(
            Received(
                signal, headers, message, whole, time.monotonic(), taken=200 <= behaviour.status < 300 and not behaviour.wait_s
            )
        )
        time.sleep(behaviour.wait_s)
        if behaviour.status == 0:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        body = behaviour.body if behaviour.body is not None else rejecting(signal, behaviour.rejected).SerializeToString()
        self.send_response(behaviour.status)
        for name, value in (*behaviour.headers, ("content-type", "application/x-protobuf"), ("content-length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Silent."""

    def finish(self) -> None:
        with suppress(OSError):  # reset on purpose
            super().finish()


def value_of(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)


def values(pairs: Any) -> dict[str, Any]:
    """Attributes as Python values. A name that stands twice is an error."""
    found = {pair.key: value_of(pair.value) for pair in cast("list[KeyValue]", pairs)}
    assert len(found) == len(pairs)
    return found


@contextmanager
def collector() -> Iterator[Collector]:
    running = Collector()
    try:
        yield running
    finally:
        running.close()
