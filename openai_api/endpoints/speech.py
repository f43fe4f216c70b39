"""What does `POST /v1/audio/speech` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import invalid
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_speech import CONTENT_TYPES, FASTEST, MAX_CHARACTERS, SLOWEST, SpeechRequest, decode_request

STREAM_FORMATS = ("audio", "sse")


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    request = typed(decode_request, inbound.body)
    _check(request)
    return make_call(
        inbound,
        Capability.TEXT_TO_SPEECH,
        Wire.OPENAI_SPEECH,
        request.model,
        fields,
        stream=request.stream_format == "sse",
        credentials=secrets_of(request.credentials),
    )


def _check(request: SpeechRequest) -> None:
    if not request.input:
        raise invalid("invalid_value", "The field 'input' is empty.", "input")
    if len(request.input) > MAX_CHARACTERS:
        text = f"The field 'input' exceeds the limit of {MAX_CHARACTERS} characters; got {len(request.input)}."
        raise invalid("string_above_max_length", text, "input")
    if not request.voice:
        raise invalid("invalid_value", "The field 'voice' is empty.", "voice")
    if request.speed is not None and not SLOWEST <= request.speed <= FASTEST:
        text = f"The field 'speed' must be between {SLOWEST} and {FASTEST}; got {request.speed}."
        raise invalid("invalid_value", text, "speed")
    if request.response_format not in (None, *CONTENT_TYPES):
        text = f"The field 'response_format' must be one of {', '.join(CONTENT_TYPES)}; got {request.response_format!r:.60}."
        raise invalid("invalid_value", text, "response_format")
    if request.stream_format not in (None, *STREAM_FORMATS):
        text = f"The field 'stream_format' must be 'audio' or 'sse'; got {request.stream_format!r:.60}."
        raise invalid("invalid_value", text, "stream_format")
