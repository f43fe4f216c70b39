"""How is a collector told over OTLP? HTTP and protobuf, as OpenTelemetry's protocol has it; see docs/opentelemetry.md."""

from __future__ import annotations

from importlib.util import find_spec

EXTRA = "otel"
PACKAGE = "opentelemetry.proto"


class ExtraMissing(ValueError):
    """The package with the messages of the protocol is not installed."""

    def __init__(self) -> None:
        super().__init__(f'OpenTelemetry needs the extra "{EXTRA}": pip install "signalbox-gateway[{EXTRA}]"')


def require_extra() -> None:
    """Raises `ExtraMissing` where the messages of the protocol are not installed. Imports none of them."""
    try:
        found = find_spec(PACKAGE)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ExtraMissing
