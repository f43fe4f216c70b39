"""What does the sink `otlp` of `GATEWAY_EVENTS` send? Session events as log records, and metrics of all requests to models."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic

from openai_api.observing.otlp import require_extra
from openai_api.observing.otlp.config import OtlpConfig, configured
from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript

MOST_TRACED = 4096
"""Requests whose place in a trace is remembered until their events come."""


class OtlpSink:
    """An observer and a sink of events, used by one thread. Raises `ExtraMissing` where the extra is not installed."""

    name = "otlp"

    def __init__(self, config: OtlpConfig | None = None) -> None:
        require_extra()
        from openai_api.observing.otlp.meter import Meter
        from openai_api.observing.otlp.requests import log_exporter, metric_exporter

        self._config = config or configured()
        self._logs = log_exporter(self._config)
        self._metrics = metric_exporter(self._config)
        self._meter = Meter()
        self._measured = False
        self._next = monotonic() + self._config.metrics_every_s
        self._traced: OrderedDict[str, tuple[str, str]] = OrderedDict()

    @property
    def dropped(self) -> int:
        """Events and snapshots of metrics that the collector will not get."""
        return self._logs.dropped + self._metrics.dropped

    def observe(self, transcript: Transcript) -> None:
        from openai_api.observing.otlp.measured import measure

        record = transcript.record
        measure(self._meter, transcript, self._config.conventions)
        self._measured = True
        if record.trace and record.span:
            self._traced[record.request_id] = record.trace, record.span
            while len(self._traced) > MOST_TRACED:
                self._traced.popitem(last=False)

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        from openai_api.observing.otlp.logs import log_of

        config, traced = self._config, self._traced
        told = [log_of(e, config.conventions, content=config.content, context=traced.get(e.request_id)) for e in events]
        self._logs.put(told)

    def tick(self) -> None:
        if monotonic() >= self._next:
            self._next = monotonic() + self._config.metrics_every_s
            self._tell_metrics()

    def close(self) -> None:
        from openai_api.observing.otlp.exporter import close_all

        self._tell_metrics()
        close_all(self._logs, self._metrics)

    def _tell_metrics(self) -> None:
        """Told again where nothing has changed: a series that is not told is soon taken for one that has ended."""
        from openai_api.observing.otlp.requests import snapshot_of

        if self._measured:
            self._metrics.put([snapshot_of(self._meter.metrics(), self._config)])
