"""The interceptor `tracer`: are requests part of a trace? Spans by OpenTelemetry's conventions, sent over OTLP."""

from openai_api.interceptors.tracer.tracer import Tracer

__all__ = ["Tracer"]
