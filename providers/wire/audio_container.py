"""In which container does a sound come? Told by the first bytes of the file, never by its name.

Formats: FLAC (RFC 9639), ISO base media files (ISO/IEC 14496-12: m4a, mp4), MPEG audio frames and ID3v2 tags (mp3, mpga),
MPEG program streams (ISO/IEC 13818-1: mpeg), Ogg (RFC 3533: oga, ogg), RIFF and its 64-bit kin (wav), EBML (RFC 8794: webm).
"""

from __future__ import annotations

from typing import NamedTuple

NAMES = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
"""What clients call them."""


class Mark(NamedTuple):
    """`value` stands at the byte `at` of the file; `then` stands at the byte `then_at`."""

    container: str
    at: int
    value: bytes
    then_at: int = 0
    then: bytes = b""


FRAMES = b"\xfb\xfa\xf3\xf2\xe3\xe2" + b"\xfd\xfc\xf5\xf4\xe5\xe4" + b"\xff\xf7\xf6"
"""The second byte of MPEG audio's frames of layer III, II and I. Layer I with a checksum, which nobody has, is left out: it
looks like text in UTF-16."""
MARKS = (
    Mark("flac", 0, b"fLaC"),
    Mark("mp4", 4, b"ftyp"),
    Mark("mp3", 0, b"ID3"),
    Mark("ogg", 0, b"OggS"),
    Mark("wav", 0, b"RIFF", 8, b"WAVE"),
    Mark("wav", 0, b"RF64", 8, b"WAVE"),
    Mark("wav", 0, b"BW64", 8, b"WAVE"),
    Mark("webm", 0, b"\x1a\x45\xdf\xa3"),
    Mark("mpeg", 0, b"\x00\x00\x01\xba"),
    Mark("mpeg", 0, b"\x00\x00\x01\xb3"),
    *(Mark("mp3", 0, bytes((0xFF, second))) for second in FRAMES),
)


def container_of(head: bytes) -> str | None:
    """The container of a file that begins with `head`, of which 12 bytes are looked at; None for all else."""
    for mark in MARKS:
        if head.startswith(mark.value, mark.at) and head.startswith(mark.then, mark.then_at):
            return mark.container
    return None
