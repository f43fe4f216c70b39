"""What does `POST /v1/moderations` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import invalid
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_chat.text import decode_moderation

DEFAULT_MODEL = "omni-moderation-latest"


def decode(inbound: Inbound) -> Call:
    """The call, of `omni-moderation-latest` unless it names a model. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    request = typed(decode_moderation, inbound.body)
    if not request.input:
        raise invalid("invalid_value", "The field 'input' is empty.", "input")
    if isinstance(request.input, list) and len({type(item) for item in request.input}) > 1:
        raise invalid("invalid_type", "The items of 'input' must all be strings or all be parts.", "input")
    return make_call(
        inbound,
        Capability.MODERATION,
        Wire.OPENAI_MODERATION,
        DEFAULT_MODEL if request.model is None else request.model,
        fields,
        credentials=secrets_of(request.credentials),
    )
