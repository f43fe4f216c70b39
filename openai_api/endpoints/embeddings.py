"""What does `POST /v1/embeddings` ask for?"""

from __future__ import annotations

from typing import Any

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import json_object, typed_of_tokens
from openai_api.errors import invalid
from providers.bytes.token_lists import MAX_TOKENS
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_embedding import FORMATS, EmbeddingRequest, decode_long_request, decode_request


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body, MAX_TOKENS)
    request = typed_of_tokens(decode_request, decode_long_request, fields, "input")
    if isinstance(request, EmbeddingRequest):
        _check_input(request.input)
    if request.encoding_format not in (None, *FORMATS):
        text = f"The field 'encoding_format' must be 'float' or 'base64'; got {request.encoding_format!r:.60}."
        raise invalid("invalid_value", text, "encoding_format")
    return make_call(
        inbound,
        Capability.EMBEDDING,
        Wire.OPENAI_EMBEDDING,
        request.model,
        fields,
        credentials=secrets_of(request.credentials),
    )


def _check_input(given: str | list[Any]) -> None:
    if not given:
        raise invalid("invalid_value", "The field 'input' is empty.", "input")
    if isinstance(given, list) and len({type(item) for item in given}) > 1:
        raise invalid("invalid_type", "The items of 'input' must all be strings, tokens or lists of tokens.", "input")
