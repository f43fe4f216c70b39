"""What does `POST /v1/responses/input_tokens` ask for? How many tokens a request for a response has."""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.json_body import json_object, typed
from openai_api.endpoints.response_call import response_call
from providers.types import Action, Call
from providers.wire.openai_responses.relay import decode_request


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    return response_call(inbound, json_object(inbound.body), typed(decode_request, inbound.body), action=Action.INPUT_TOKENS)
