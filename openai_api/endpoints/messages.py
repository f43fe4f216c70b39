"""What does `POST /v1/messages` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import check_place, json_object, typed
from openai_api.errors import invalid
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.anthropic_messages.request import decode_request


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    check_place(fields, "messages")
    request = typed(decode_request, inbound.body)
    if not request.messages:
        raise invalid("invalid_value", "The field 'messages' is empty.", "messages")
    return make_call(
        inbound,
        Capability.CHAT,
        Wire.ANTHROPIC_MESSAGES,
        request.model,
        fields,
        stream=bool(request.stream),
        credentials=secrets_of(request.credentials),
    )
