"""May a file be a sound? Told by its first bytes, never by its name; what is none for certain is refused, nothing else.

Which containers are taken differs by vendor and year: raw AAC, AMR, AIFF, CAF, MP4 with its index first. What is never a sound is
text, and what says of itself that it is a picture, a document, an archive or a program.
"""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from typing import NamedTuple


class Mark(NamedTuple):
    """`value` stands at the byte `at` of the file; `then` stands at the byte `then_at`."""

    what: str
    at: int
    value: bytes
    then_at: int = 0
    then: bytes = b""


SOUNDS = (b"#!AMR", b"ID3", b"OggS", b"fLaC", b".snd", b"MThd")
"""First bytes of audio formats whose first few bytes could also be text."""
BOMS = (BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE)
"""None begins a frame of MPEG audio that anybody makes: `FF FE` would be one of layer I without a checksum."""
OTHERS = (
    *(Mark("text", 0, mark) for mark in BOMS),
    Mark("a PDF document", 0, b"%PDF"),
    Mark("a picture", 0, b"\x89PNG"),
    Mark("a picture", 0, b"\xff\xd8\xff"),
    Mark("a picture", 0, b"GIF8"),
    Mark("a picture", 0, b"RIFF", 8, b"WEBP"),
    Mark("an archive", 0, b"PK\x03\x04"),
    Mark("an archive", 0, b"\x1f\x8b"),
    Mark("a program", 0, b"\x7fELF"),
    Mark("filled with zeros", 0, bytes(16)),
)
CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
"""Bytes that do not occur in text."""
MOSTLY = 0.75
"""The share of ASCII in a text of an older encoding, at least."""


def no_sound(head: bytes) -> str | None:
    """What a file is instead, such as "text", if it is no sound for certain; 64 bytes of it are looked at."""
    if head.startswith(SOUNDS):
        return None
    for mark in OTHERS:
        if head.startswith(mark.value, mark.at) and head.startswith(mark.then, mark.then_at):
            return mark.what
    return "text" if _is_text(head) or _is_wide_text(head) else None


def _is_text(head: bytes) -> bool:
    if len(head.translate(None, CONTROL)) < len(head):
        return False
    try:
        getincrementaldecoder("utf-8")().decode(head)  # whose last character may be cut
    except UnicodeDecodeError:
        return sum(byte < 0x80 for byte in head) >= MOSTLY * len(head)
    return True


def _is_wide_text(head: bytes) -> bool:
    """UTF-16 without a byte order mark, of characters that ASCII has too."""
    high, low = head[::2], head[1::2]
    return any(len(text) > 1 and not any(zeros) and _is_text(text) for text, zeros in ((high, low), (low, high)))
