"""What may a call use at most? Guessed from its bytes, before anybody has counted its tokens.

A guess on the high side, which is given back when the request has ended: text has three bytes a token or more; pictures, sound
and documents, which are base64 in JSON, count by the file and by their length, since upstreams do not bill them by the byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from models_catalog.snapshot import ModelEntry
from openai_api.limits.expected import SMALL, USUAL_OUTPUT, expected
from providers.capabilities import Capability
from providers.types import Call
from providers.wire.openai.usage import estimated_tokens

LEAST_BYTES = 3
"""Of a token of text."""
FILE_TOKENS = 2000
"""What a picture is billed as, about, at most."""
FILE_BYTES = 32
"""Of a long file for a token: sound of 8 kbit/s in base64, pages of a document."""
SOUND_BYTES = 2000
"""Of a second of sound: 16 kbit/s, which speech has at least where it is sent as a file."""
IMAGE_TOKENS = 8192
"""What a large picture of the best quality is billed as where it is made."""
MARKS = (b";base64,", b'"data":"', b'"data": "')
"""What stands in front of a file in JSON."""
SHORT = 1024
"""Bytes of what is no file in any case."""

IMAGES = frozenset({Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT, Capability.IMAGE_VARIATION})
HEARS = frozenset({Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION})


class Most(NamedTuple):
    """The most that a call may use. `files` says that there is more than text in it."""

    input_tokens: int
    output_tokens: int
    units: Mapping[str, float]
    files: bool


def most_used(call: Call, entry: ModelEntry, path: str = "") -> Most:
    """`path` is that of the request: under some paths tokens are only counted."""
    known = entry.most_output_tokens
    sent, files = _sent(call)
    if call.capability in IMAGES:
        answers = _answers(call)
        return Most(sent, answers * (known or IMAGE_TOKENS), {"image": answers}, files)
    if call.capability in HEARS:
        sound = call.form.first("file") if call.form is not None else None
        seconds = max((sound.size if sound is not None else 0) / SOUND_BYTES, 1.0)
        return Most(sent, known or USUAL_OUTPUT, {"audio_second": seconds}, files=True)
    if call.capability is Capability.TEXT_TO_SPEECH:
        return Most(sent, known or USUAL_OUTPUT, {"character": characters_of(call)}, files=False)
    return Most(sent, expected(call, entry, path).output, {}, files)


def input_tokens(call: Call) -> int:
    """The most tokens that the request of a call is likely to have."""
    return _sent(call)[0]


def guessed_input(call: Call) -> int:
    """How many tokens the request of a call is likely to have, neither high nor low."""
    if call.form is not None:
        return 0
    found = list(_files(call.body))
    return estimated_tokens(len(call.body) - sum(found)) + sum(map(_tokens_of_file, found))


def characters_of(call: Call) -> int:
    """Characters of the text that is to be spoken."""
    try:
        return len(msgspec.json.decode(call.fields.raw("input") or b'""', type=str))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0


def _sent(call: Call) -> tuple[int, bool]:
    if call.form is None:
        if len(call.body) < SMALL:
            return -(-len(call.body) // LEAST_BYTES), False
        found = list(_files(call.body))
        text = len(call.body) - sum(found)
        return -(-text // LEAST_BYTES) + sum(map(_tokens_of_file, found)), bool(found)
    text = sum(part.size for part in call.form.parts if part.filename is None)
    sizes = [part.size for part in call.form.parts if part.filename is not None]
    return -(-text // LEAST_BYTES) + sum(map(_tokens_of_file, sizes)), bool(sizes)


def _tokens_of_file(size: int) -> int:
    return max(FILE_TOKENS, size // FILE_BYTES)


def _files(body: bytes) -> Iterator[int]:
    """The lengths of the files in a body. Their bytes are passed over, not looked at."""
    for mark in MARKS:
        start = body.find(mark)
        while start >= 0:
            start += len(mark)
            end = body.find(b'"', start)
            if end - start >= SHORT and (mark is MARKS[0] or not body.startswith(b"data:", start)):
                yield end - start
            start = body.find(mark, max(end, start))


def _answers(call: Call) -> int:
    """How many pictures a request wants."""
    told = call.form.text("n") if call.form is not None else (call.fields.raw("n") or b"").decode("ascii", "replace")
    return max(int(told), 1) if told and told.isdecimal() and len(told) < 7 else 1
