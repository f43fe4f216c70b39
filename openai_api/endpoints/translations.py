"""What does `POST /v1/audio/translations` ask for?"""

from __future__ import annotations

from openai_api.context import Inbound
from openai_api.endpoints.audio_form import audio_call
from providers.capabilities import Capability
from providers.types import Call, Wire
from providers.wire.openai_transcription import TRANSLATION_FORMATS


def decode(inbound: Inbound) -> Call:
    """The call. Raises 400 `ApiError`s that name the field at fault."""
    return audio_call(inbound, Capability.AUDIO_TRANSLATION, Wire.OPENAI_TRANSLATION, TRANSLATION_FORMATS)
