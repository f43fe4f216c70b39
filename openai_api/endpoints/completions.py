"""What does `POST /v1/completions` ask for? The older form of text generation: a prompt, no messages."""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import check_place, json_object, typed_of_tokens
from providers.bytes.token_lists import MAX_TOKENS
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_chat.text import decode_completion, decode_long_completion


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body, MAX_TOKENS)
    check_place(fields, "prompt")
    request = typed_of_tokens(decode_completion, decode_long_completion, fields, "prompt")
    return make_call(
        inbound,
        Capability.COMPLETION,
        Wire.OPENAI_COMPLETION,
        request.model,
        fields,
        stream=bool(request.stream),
        include_usage=bool(request.stream_options and request.stream_options.include_usage),
        credentials=secrets_of(request.credentials),
    )
