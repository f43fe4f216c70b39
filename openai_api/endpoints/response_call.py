"""What do the requests to the Responses API have in common? A model, or what names one, and what went before."""

from __future__ import annotations

from typing import Any

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import check_place
from openai_api.errors import invalid
from providers.bytes.patch import Fields
from providers.capabilities import Capability
from providers.types import Call, ResponseContext, Wire
from providers.wire.openai_responses.relay import ResponseRequest

MODEL_HEADER = b"x-model-name"
DEFAULT_MODEL = "gpt-4-responses"
"""For requests whose model is named by a prompt or a conversation that is stored at the upstream."""


def response_call(inbound: Inbound, fields: Fields, request: ResponseRequest, *, stream: bool = False, **context: Any) -> Call:
    """The call; `context` are fields of its `ResponseContext`. Raises 400 `ApiError`s that name the field at fault."""
    if "messages" in fields.spans:
        check_place(fields, "input")
    if request.previous_response_id is not None and request.conversation is not None:
        raise invalid("invalid_value", "Send 'previous_response_id' or 'conversation', not both.", "previous_response_id")
    return make_call(
        inbound,
        Capability.RESPONSES,
        Wire.OPENAI_RESPONSES,
        _model(request, inbound),
        fields,
        stream=stream,
        response=ResponseContext(previous_id=request.previous_response_id, **context),
        credentials=secrets_of(request.credentials),
    )


def _model(request: ResponseRequest, inbound: Inbound) -> str | None:
    if request.model is not None or request.prompt is request.conversation is None:
        return request.model
    if MODEL_HEADER in inbound.headers:
        return inbound.headers[MODEL_HEADER].decode("latin-1")
    known = DEFAULT_MODEL in inbound.catalog.models and inbound.caller.may_use(DEFAULT_MODEL)
    return DEFAULT_MODEL if known else None
