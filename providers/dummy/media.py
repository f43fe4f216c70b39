"""What does the offline provider let one hear and see? Speech, transcriptions, images: small, and always the same."""

from __future__ import annotations

import time
from array import array
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from math import pi, sin
from struct import pack
from types import MappingProxyType
from typing import Any
from zlib import compress, crc32

import msgspec

from providers.capabilities import Capability
from providers.dummy.chat import event
from providers.dummy.request import fields_of_call, file_of, read
from providers.errors import CallerError
from providers.types import Call

RATE = 24_000
"""Samples a second, 16 bits each, one channel: what OpenAI's `pcm` is."""
SECONDS_PER_CHARACTER, LONGEST_S = 0.05, 10.0
BYTES_PER_SECOND = 32_000
"""How long a file that is listened to is taken to be."""
SILENT_MP3_FRAME = b"\xff\xfb\x90\xc4" + bytes(413)
"""26 ms of MPEG 1 layer III, 128 kbit/s, 44.1 kHz, mono."""
MAX_IMAGES, MAX_PARTIAL = 10, 3
TEXTS = MappingProxyType(
    {
        "text": "{text}\n",
        "srt": "1\n00:00:00,000 --> 00:00:{whole:02d},{rest:03d}\n{text}\n\n",
        "vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:{whole:02d}.{rest:03d}\n{text}\n\n",
    }
)


class _Speech(msgspec.Struct):
    input: str = ""
    response_format: str | None = None


class _Image(msgspec.Struct):
    prompt: str = ""
    n: int | None = None
    response_format: str | None = None
    partial_images: int | None = None


# Sound


def speech(call: Call) -> tuple[bytes, bytes]:
    """The content type and the bytes: a tone as wav or pcm, silence as mp3. Raises `CallerError` for other formats."""
    asked = read(fields_of_call(call), _Speech)
    seconds = min(len(asked.input) * SECONDS_PER_CHARACTER, LONGEST_S)
    makers = {"mp3": _mp3, "wav": _wav, "pcm": _pcm}
    name = asked.response_format or "mp3"
    if name not in makers:
        message = f"The offline provider makes {', '.join(makers)}, and no {name!r}."
        raise CallerError(400, message, code="unsupported_value", param="response_format")
    return b"audio/mpeg" if name == "mp3" else b"audio/" + name.encode(), makers[name](seconds)


def speech_events(sound: bytes) -> tuple[Iterator[bytes], bytes]:
    """The sound as events, and the one at the end."""
    deltas = (event({"type": "speech.audio.delta", "audio": b64encode(part).decode()}) for part in pieces(sound))
    counted = {"input_tokens": 1, "output_tokens": len(sound) // 1000 + 1, "total_tokens": len(sound) // 1000 + 2}
    return deltas, event({"type": "speech.audio.done", "usage": counted})


def pieces(sound: bytes, size: int = 4096) -> Iterator[bytes]:
    return (sound[at : at + size] for at in range(0, len(sound), size))


def _pcm(seconds: float) -> bytes:
    wave = array("h", (int(8000 * sin(2 * pi * 440 * at / RATE)) for at in range(RATE // 20)))
    return wave.tobytes() * max(int(seconds * 20), 1)


def _wav(seconds: float) -> bytes:
    data = _pcm(seconds)
    head = pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16, b"data", len(data)
    )
    return head + data


def _mp3(seconds: float) -> bytes:
    return SILENT_MP3_FRAME * max(int(seconds * 44_100 / 1152), 1)


# Listening


def heard(call: Call) -> tuple[bytes, bytes]:
    """The content type and the text that tells the name and the size of the file."""
    fields = fields_of_call(call)
    text, seconds = _heard(call)
    kind = fields.get("response_format") or "json"
    if kind in TEXTS:
        whole, rest = divmod(int(seconds * 1000), 1000)
        return b"text/plain; charset=utf-8", TEXTS[kind].format(text=text, whole=whole, rest=rest).encode()
    value: dict[str, Any] = {"text": text, "usage": {"type": "duration", "seconds": seconds}}
    if kind == "verbose_json":
        task = "translate" if call.capability is Capability.AUDIO_TRANSLATION else "transcribe"
        segment = {"id": 0, "start": 0.0, "end": seconds, "text": text}
        value = {"task": task, "language": "english", "duration": seconds, **value, "segments": [segment]}
    elif kind == "diarized_json":
        segment = {"type": "transcript.text.segment", "id": "seg_0", "start": 0.0, "end": seconds, "text": text, "speaker": "A"}
        value = {"task": "transcribe", "duration": seconds, **value, "segments": [segment]}
    return b"application/json", msgspec.json.encode(value)


def heard_events(call: Call, model: str) -> tuple[Iterator[bytes], bytes]:
    """The events with words, and the one at the end."""
    text, seconds = _heard(call)
    words = (event({"type": "transcript.text.delta", "delta": word + " "}) for word in text.split())
    return words, event({"type": "transcript.text.done", "text": text, "usage": {"type": "duration", "seconds": seconds}})


def _heard(call: Call) -> tuple[str, float]:
    name, size = file_of(call)
    return f"The file {name} has {size} bytes.", round(min(size / BYTES_PER_SECOND, 59.0), 3)


# Images


def images(call: Call, model: str) -> dict[str, Any]:
    """As many pictures of one pixel as were asked for; their colour comes from the prompt."""
    asked = _asked(call)
    picture = b64encode(_png(asked.prompt)).decode()
    item = {"url": f"data:image/png;base64,{picture}"} if asked.response_format == "url" else {"b64_json": picture}
    return {"created": int(time.time()), "data": [item] * (asked.n or 1), "output_format": "png", "usage": _usage(asked)}


def image_events(call: Call, model: str) -> tuple[Iterator[bytes], bytes]:
    """The partial pictures that were asked for, and the whole one."""
    asked = _asked(call)
    kind = "image_edit" if call.capability is Capability.IMAGE_EDIT else "image_generation"
    frame = {"b64_json": b64encode(_png(asked.prompt)).decode(), "created_at": int(time.time()), "output_format": "png"}
    partial = {"type": f"{kind}.partial_image", **frame}
    parts = (event({**partial, "partial_image_index": number}) for number in range(asked.partial_images or 0))
    return parts, event({"type": f"{kind}.completed", **frame, "usage": _usage(asked)})


def _asked(call: Call) -> _Image:
    asked = read(fields_of_call(call), _Image)
    bounds = (("n", asked.n, 1, MAX_IMAGES), ("partial_images", asked.partial_images, 0, MAX_PARTIAL))
    for name, number, least, most in bounds:
        if number is not None and not least <= number <= most:
            message = f"The field {name!r} must be between {least} and {most}."
            raise CallerError(400, message, code="invalid_value", param=name)
    return asked


def _usage(asked: _Image) -> dict[str, Any]:
    sent, received = len(asked.prompt) // 4 + 1, asked.n or 1
    details = {"text_tokens": sent, "image_tokens": 0}
    return {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received, "input_tokens_details": details}


def _png(prompt: str) -> bytes:
    """One pixel."""
    chunks = (
        (b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", compress(b"\0" + sha256(prompt.encode()).digest()[:3])),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data)) for kind, data in chunks
    )
