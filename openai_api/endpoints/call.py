"""How is a call made of what came in? What all inference endpoints have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openai_api.context import Inbound
from openai_api.errors import invalid
from providers.bytes.patch import Fields
from providers.capabilities import Capability
from providers.types import Call, Secret, Wire

TRACE = (b"traceparent", b"tracestate")
"""Client headers that go upstream (W3C Trace Context), with those of the dialect; nothing else of the client's does."""
STRICT = b"x-gateway-strict"
NO_FIELDS = Fields(b"{}", {})


def make_call(
    inbound: Inbound, capability: Capability, wire: Wire, model: str | None, fields: Fields = NO_FIELDS, **more: Any
) -> Call:
    """The call. Raises 400 `missing_required_parameter` or `invalid_value` without a model."""
    if model is None:
        raise invalid("missing_required_parameter", "The field 'model' is required.", "model")
    if not model:
        raise invalid("invalid_value", "The field 'model' is empty.", "model")
    return Call(
        capability=capability,
        wire=wire,
        model=model,
        body=inbound.body,
        fields=fields,
        form=inbound.form,
        request_id=inbound.request_id,
        strict=inbound.headers.get(STRICT) == b"1",
        headers=upstream_headers(inbound),
        **more,
    )


def secrets_of(credentials: Mapping[str, str] | None) -> Mapping[str, Secret]:
    """The secrets that a request brings for `dynamic::` credentials."""
    return {name: Secret(value) for name, value in credentials.items()} if credentials else {}


def upstream_headers(inbound: Inbound) -> tuple[tuple[bytes, bytes], ...]:
    """The request id, the trace context and what else the dialect forwards, for the upstream."""
    headers, names = inbound.headers, inbound.dialect.forwarded
    identified = (b"x-request-id", inbound.request_id.encode("ascii"))
    if b"traceparent" in headers:
        names = (*TRACE, *names)
    return (identified, *((name, headers[name]) for name in names if name in headers)) if names else (identified,)
