"""What does `POST /v1/responses` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.json_body import json_object, typed
from openai_api.endpoints.response_call import response_call
from openai_api.errors import invalid
from providers.ids import mint
from providers.types import Call
from providers.wire.openai_responses.relay import decode_request


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    request = typed(decode_request, inbound.body)
    if request.background and request.store is False:
        raise invalid("invalid_value", "A background response must be stored: 'store' may not be false.", "background")
    stream, background = bool(request.stream), bool(request.background)
    return response_call(inbound, fields, request, stream=stream, background=background, id=mint("resp"))
