"""What does `POST /v1/chat/completions` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import invalid
from providers.capabilities import Capability
from providers.types import Call, Secret, Wire
from providers.wire.openai_chat import decode_request

FORWARDED = (b"traceparent", b"tracestate")
"""Client headers that go upstream; nothing else of the client's does."""


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    request = typed(decode_request, inbound.body)
    if not request.model:
        raise invalid("invalid_value", "The field 'model' is empty.", "model")
    if not request.messages:
        raise invalid("invalid_value", "The field 'messages' is empty.", "messages")
    options = request.stream_options
    secrets = {name: Secret(value) for name, value in request.credentials.items()} if request.credentials else {}
    return Call(
        capability=Capability.CHAT,
        wire=Wire.OPENAI_CHAT,
        model=request.model,
        body=inbound.body,
        fields=fields,
        request_id=inbound.request_id,
        stream=bool(request.stream),
        include_usage=bool(options and options.include_usage),
        credentials=secrets,
        headers=upstream_headers(inbound),
    )


def upstream_headers(inbound: Inbound) -> tuple[tuple[bytes, bytes], ...]:
    """The request id and the trace context, for the upstream."""
    identified = (b"x-request-id", inbound.request_id.encode("ascii"))
    if b"traceparent" not in inbound.headers:
        return (identified,)
    return (identified, *((name, inbound.headers[name]) for name in FORWARDED if name in inbound.headers))
