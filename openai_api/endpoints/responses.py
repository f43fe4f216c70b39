"""What does `POST /v1/responses` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import invalid
from providers.capabilities import Capability
from providers.converted import mint
from providers.types import Call, Wire
from providers.wire.openai_responses import ResponseRequest, decode_request

MODEL_HEADER = b"x-model-name"
DEFAULT_MODEL = "gpt-4-responses"
"""For requests whose model is named by what lies at the upstream."""


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    request = typed(decode_request, inbound.body)
    if request.previous_response_id is not None and request.conversation is not None:
        raise invalid("invalid_value", "Give 'previous_response_id' or 'conversation', not both.", "previous_response_id")
    if request.background and request.store is False:
        raise invalid("invalid_value", "A response in the background must be stored.", "background")
    return make_call(
        inbound,
        Capability.RESPONSES,
        Wire.OPENAI_RESPONSES,
        _model(request, inbound),
        fields,
        stream=bool(request.stream),
        background=bool(request.background),
        response_id=mint("resp"),
        previous_response_id=request.previous_response_id,
        credentials=secrets_of(request.credentials),
    )


def _model(request: ResponseRequest, inbound: Inbound) -> str | None:
    if request.model is not None or request.prompt is request.conversation is None:
        return request.model
    return inbound.headers.get(MODEL_HEADER, DEFAULT_MODEL.encode()).decode("latin-1")
