"""What do `POST /v1beta/models/{model}:generateContent`, `:streamGenerateContent` and `:countTokens` ask for?

Format: google-genai 3.6. Names are written in either way that protocol buffers have, `systemInstruction` or `system_instruction`.
"""

from __future__ import annotations

from functools import partial

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.gemini_path import model_of
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import invalid
from providers.bytes.patch import Fields, InvalidJson, fields_of
from providers.capabilities import Capability
from providers.types import Call, Wire

WITHIN = ("generateContentRequest", "generate_content_request")
"""Where a request for a count may have all that would be asked for."""


class _Request(msgspec.Struct):
    """The fields that the gateway reads; everything else passes as it came."""

    contents: str | dict[str, msgspec.Raw] | list[msgspec.Raw] | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


_read = msgspec.json.Decoder(_Request).decode


def _decode(inbound: Inbound, *, stream: bool) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    return _call(inbound, json_object(inbound.body), stream=stream)


decode = partial(_decode, stream=False)
decode_stream = partial(_decode, stream=True)


def decode_count(inbound: Inbound) -> Call:
    """The call whose tokens are to be counted, or which its contents would be."""
    fields = json_object(inbound.body)
    inner = next((raw for name in WITHIN if (raw := fields.raw(name)) not in (None, b"null")), None)
    if inner is None:
        return _call(inbound, fields, stream=False)
    try:
        return _call(inbound, fields_of(inner), stream=False)
    except InvalidJson as error:
        raise invalid("invalid_type", f"The field {WITHIN[0]!r} must be an object.", WITHIN[0]) from error


def counted(body: bytes) -> bytes:
    """The answer with the tokens, in Gemini's form."""
    return msgspec.json.encode({"totalTokens": msgspec.json.decode(body)["input_tokens"]})


def _call(inbound: Inbound, fields: Fields, *, stream: bool) -> Call:
    request = typed(_read, fields.body)
    if not request.contents:
        code = "invalid_value" if "contents" in fields.spans else "missing_required_parameter"
        raise invalid(code, "The field 'contents' is required, and must not be empty.", "contents")
    secrets = secrets_of(request.credentials)
    call = make_call(inbound, Capability.CHAT, Wire.GEMINI, model_of(inbound), fields, stream=stream, credentials=secrets)
    return call if fields.body is inbound.body else call.with_body(fields.body, fields)
