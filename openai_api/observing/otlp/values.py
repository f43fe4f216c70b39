"""How are values written in OTLP's protobuf? Attributes, ids and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from openai_api.observing.otlp.config import OtlpConfig

SCOPE = "signalbox"
MOST_CHARACTERS = 65_536
"""Of one text. What is longer is cut; a collector takes about 4 MiB in one message."""
DEEPEST = 16
LEAST_INT, MOST_INT = -(2**63), 2**63 - 1


def attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    """The values that are not None."""
    return [KeyValue(key=name, value=any_value(value)) for name, value in values.items() if value is not None]


def any_value(value: Any, depth: int = 0) -> AnyValue:
    """Any JSON value, or tuple."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value) if LEAST_INT <= value <= MOST_INT else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if value is None:
        return AnyValue()
    if isinstance(value, str) or depth >= DEEPEST:
        return AnyValue(string_value=text(str(value)))
    if isinstance(value, Mapping):
        pairs = [KeyValue(key=text(str(name)), value=any_value(item, depth + 1)) for name, item in value.items()]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    if isinstance(value, Iterable):
        return AnyValue(array_value=ArrayValue(values=[any_value(item, depth + 1) for item in value]))
    return AnyValue(string_value=text(str(value)))


def text(value: str) -> str:
    """What protobuf takes: no lone surrogates, which JSON may bring."""
    return value[:MOST_CHARACTERS].encode("utf-8", "replace").decode()


def nanoseconds(seconds: float) -> int:
    """Seconds since the epoch."""
    return max(int(seconds * 1e9), 0)


def resource_of(config: OtlpConfig) -> Resource:
    return Resource(attributes=attributes(config.attributes()))


def scope_of(config: OtlpConfig) -> InstrumentationScope:
    return InstrumentationScope(name=SCOPE, version=config.version)
