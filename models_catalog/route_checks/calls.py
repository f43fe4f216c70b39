"""What is the smallest real call of each capability? One that costs next to nothing and is valid at every vendor."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from secrets import token_hex
from struct import pack
from types import MappingProxyType
from typing import Any
from zlib import compress, crc32

import msgspec

from providers.bytes.multipart import Form, file_part, text_part
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import Call, Wire

RATE = 16_000
SIDE = 256
"""Pixels: the smallest square that the vendors' edits and variations take."""
LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
# Images have no size: each vendor refuses some, and knows its own default.
JSON_CALLS: Mapping[Capability, tuple[Wire, Mapping[str, Any]]] = MappingProxyType(
    {
        Capability.CHAT: (Wire.OPENAI_CHAT, {"messages": [{"role": "user", "content": "hi"}], LIMITS[0]: 1}),
        Capability.COMPLETION: (Wire.OPENAI_COMPLETION, {"prompt": "hi", LIMITS[1]: 1}),
        Capability.EMBEDDING: (Wire.OPENAI_EMBEDDING, {"input": "hi"}),
        Capability.MODERATION: (Wire.OPENAI_MODERATION, {"input": "hi"}),
        Capability.RERANK: (Wire.RERANK, {"query": "hi", "documents": ["hi", "no"]}),
        Capability.TEXT_TO_SPEECH: (Wire.OPENAI_SPEECH, {"input": "hi", "voice": "alloy"}),
        Capability.IMAGE_GENERATION: (Wire.OPENAI_IMAGE, {"prompt": "a dot", "n": 1}),
        Capability.RESPONSES: (Wire.OPENAI_RESPONSES, {"input": "hi", LIMITS[2]: 16, "store": False}),  # 16 is the least
    }
)
FORM_CALLS: Mapping[Capability, tuple[Wire, Mapping[str, str]]] = MappingProxyType(
    {
        Capability.AUDIO_TRANSCRIPTION: (Wire.OPENAI_TRANSCRIPTION, {}),
        Capability.AUDIO_TRANSLATION: (Wire.OPENAI_TRANSLATION, {}),
        Capability.IMAGE_EDIT: (Wire.OPENAI_IMAGE_EDIT, {"prompt": "a dot"}),
        Capability.IMAGE_VARIATION: (Wire.OPENAI_IMAGE_VARIATION, {}),
    }
)
COSTLY = frozenset({Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT, Capability.IMAGE_VARIATION})
"""Capabilities whose smallest call is not cheap: they are called only when somebody asks for them."""


def smallest_call(capability: Capability, model: str) -> Call:
    """The call, for the public name `model`. Raises `KeyError` for a capability that has none."""
    wire, fields = JSON_CALLS[capability] if capability in JSON_CALLS else FORM_CALLS[capability]
    body, form = b"", None
    if capability in JSON_CALLS:
        body = msgspec.json.encode({"model": model, **fields})
    else:
        file = file_part("image", "dot.png", "image/png", square()) if capability in COSTLY else None
        file = file or file_part("file", "silence.wav", "audio/wav", silence())
        form = Form([file, text_part("model", model), *(text_part(name, value) for name, value in fields.items())])
    request_id = f"test-{token_hex(12)}"
    return Call(
        capability=capability,
        wire=wire,
        model=model,
        body=body,
        fields=fields_of(body or b"{}"),
        form=form,
        request_id=request_id,
        headers=((b"x-request-id", request_id.encode()),),
    )


def unlimited(call: Call) -> Call:
    """The same call without a limit of tokens: some models refuse one that is too small to think."""
    kept = {name: msgspec.Raw(call.fields.raw(name) or b"") for name in call.fields.spans if name not in LIMITS}
    body = msgspec.json.encode(kept)
    return msgspec.structs.replace(call, body=body, fields=fields_of(body))


def silence() -> bytes:
    """Half a second of nothing, as WAV."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(RATE))
    return written.getvalue()


def square() -> bytes:
    """A transparent square, as PNG."""
    row = b"\0" + bytes(4 * SIDE)
    chunks = ((b"IHDR", pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)), (b"IDAT", compress(row * SIDE)), (b"IEND", b""))
    parts = (pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data)) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
