"""What do the settings say of OpenTelemetry? Made known to what sends, in each process; and whether it can be sent at all."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from openai_api.hooks import EventSink
from openai_api.observing.otlp import ExtraMissing, require_extra
from openai_api.observing.otlp.config import OtlpConfig, configure
from openai_api.observing.otlp.conventions import Conventions
from openai_api.observing.otlp.sink import OtlpSink


def otlp_config() -> OtlpConfig:
    return OtlpConfig(
        endpoint=settings.OTEL_EXPORTER_OTLP_ENDPOINT,
        headers=settings.OTEL_EXPORTER_OTLP_HEADERS,
        timeout_s=settings.OTEL_EXPORTER_OTLP_TIMEOUT / 1000,
        compressed=settings.OTEL_EXPORTER_OTLP_COMPRESSION == "gzip",
        service=settings.OTEL_SERVICE_NAME,
        version=version("signalbox-gateway"),
        resource=settings.OTEL_RESOURCE_ATTRIBUTES,
        conventions=Conventions(settings.GATEWAY_OTEL_CONVENTIONS),
        content=settings.GATEWAY_OTEL_CONTENT,
        metrics_every_s=settings.OTEL_METRIC_EXPORT_INTERVAL / 1000,
    )


def configure_otlp() -> None:
    """Interceptors of this process find what the settings say, where their options say nothing."""
    configure(otlp_config())


def otlp_sink() -> EventSink:
    """The sink `otlp` of `GATEWAY_EVENTS`."""
    return OtlpSink(otlp_config())


def check_extra(**options: Any) -> list[CheckMessage]:
    """E002: events are to go to a collector, and what is needed for it is not installed."""
    if "otlp" not in settings.GATEWAY_EVENTS:
        return []
    try:
        require_extra()
    except ExtraMissing as error:
        return [Error(f"GATEWAY_EVENTS has otlp: {error}.", hint="docs/opentelemetry.md", id="gateway.E002")]
    return []
