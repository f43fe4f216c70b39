"""How is speech asked of Together, and how do its events become OpenAI's?

Reference: Together's OpenAPI document of 2026-04-28, `/audio/speech`. It streams raw samples alone, as events
`{"object": "audio.tts.chunk", "b64"}` that end with `[DONE]`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.patch import InvalidJson, fields_of
from providers.errors import Unsupported
from providers.openai_compatible.audio import LAST
from providers.openai_compatible.operators_fields import Changes
from providers.together.voices import voices_of
from providers.types import Call
from providers.wire import openai_speech
from providers.wire.openai.framing import DONE

FORMATS = MappingProxyType({"mp3": b'"mp3"', "wav": b'"wav"', "pcm": b'"raw"'})
MORE_FORMATS = (("minimax/", ("opus", "aac", "flac")),)
"""What some models have besides."""
SAMPLES: MappingProxyType[str, bytes] = MappingProxyType({"response_encoding": b'"pcm_s16le"', "sample_rate": b"24000"})
"""What OpenAI calls pcm."""
CHUNK = b'"audio.tts.chunk"'


def changes_of(call: Call, model: str) -> Changes:
    """How a request differs at Together. Raises `Unsupported` for a format that the model does not have."""
    fields = call.fields
    wanted = openai_speech.format_of(fields)
    known = FORMATS | {more: f'"{more}"'.encode() for start, names in MORE_FORMATS if model.startswith(start) for more in names}
    if wanted not in known:
        message = f"Together's {model} does not support the response format {wanted!r}; it supports {', '.join(known)}."
        raise Unsupported(400, message, code="unsupported_response_format", param="response_format")
    changes: Changes = {"response_format": known[wanted], "voice": _voice(fields.raw("voice"), model), "stream_format": None}
    if wanted == "pcm":
        changes |= {name: value for name, value in SAMPLES.items() if name not in fields.spans}
        changes["stream"] = b"true" if call.stream else None
    return changes


def _voice(raw: bytes | None, model: str) -> bytes:
    voice: Any = msgspec.json.decode(raw or b"null")
    name = voice.get("id") if isinstance(voice, dict) else voice
    return msgspec.json.encode(voices_of(model).get(name, name) if isinstance(name, str) else name)


def event_of(frame: bytes) -> bytes:
    """OpenAI's event for one of Together's; what is neither a sound nor the end passes as it is."""
    data = sse.data_of(frame)
    if data is not None and data.strip() == DONE:
        return LAST
    try:
        fields = fields_of(data or b"")
    except InvalidJson:
        return frame
    if fields.raw("object") != CHUNK:
        return frame
    return sse.frame_of(b'{"type":"speech.audio.delta","audio":%b}' % (fields.raw("b64") or b'""'))
