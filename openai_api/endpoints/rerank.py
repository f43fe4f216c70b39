"""What does `POST /v1/rerank` ask for? Documents in the order of their relevance to a query."""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import invalid
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_chat.text import decode_rerank


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    request = typed(decode_rerank, inbound.body)
    if not request.documents:
        raise invalid("invalid_value", "The field 'documents' is empty.", "documents")
    if request.top_n is not None and request.top_n < 1:
        raise invalid("invalid_value", f"The field 'top_n' must be at least 1; got {request.top_n}.", "top_n")
    return make_call(inbound, Capability.RERANK, Wire.RERANK, request.model, fields, credentials=secrets_of(request.credentials))
