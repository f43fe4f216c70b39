"""What does a form with an audio file ask for? What transcriptions and translations have in common."""

from __future__ import annotations

from collections.abc import Collection

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call
from openai_api.endpoints.form_body import file_of, form_of, form_secrets, text_of, value_of
from openai_api.errors import invalid
from providers.bytes.audio_container import no_sound
from providers.bytes.multipart import HEAD_BYTES, Form
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_transcription import BOOLEANS, GRANULARITIES, HIGHEST, LOWEST

SINGLE = ("file", "model", "response_format", "temperature", "stream")


def audio_call(inbound: Inbound, capability: Capability, wire: Wire, formats: Collection[str]) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    form = form_of(inbound, *SINGLE)
    if what := no_sound(file_of(form, "file").head[:HEAD_BYTES]):
        raise invalid("unsupported_file_type", f"The file is not audio: it is {what}.", "file")
    _check(form, formats)
    return make_call(
        inbound,
        capability,
        wire,
        text_of(form, "model"),
        stream=_streamed(form),
        credentials=form_secrets(form),
    )


def _check(form: Form, formats: Collection[str]) -> None:
    asked = text_of(form, "response_format")
    if asked is not None and asked not in formats:
        text = f"The field 'response_format' must be one of {', '.join(formats)}; got {asked!r:.60}."
        raise invalid("invalid_value", text, "response_format")
    for part in form.all("timestamp_granularities"):
        if value_of(part) not in GRANULARITIES:
            known = " or ".join(repr(name) for name in GRANULARITIES)
            text = f"The items of 'timestamp_granularities' must be {known}; got {value_of(part)!r:.60}."
            raise invalid("invalid_value", text, "timestamp_granularities")
    heat = text_of(form, "temperature")
    if heat is not None and not LOWEST <= _number(heat, "temperature") <= HIGHEST:
        text = f"The field 'temperature' must be between {LOWEST} and {HIGHEST}; got {heat!r:.60}."
        raise invalid("invalid_value", text, "temperature")


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise invalid("invalid_type", f"The field {name!r} must be a number; got {text!r:.60}.", name) from error


def _streamed(form: Form) -> bool:
    asked = text_of(form, "stream")
    if asked is None:
        return False
    if asked.lower() not in BOOLEANS:
        raise invalid("invalid_type", f"The field 'stream' must be 'true' or 'false'; got {asked!r:.60}.", "stream")
    return BOOLEANS[asked.lower()]
