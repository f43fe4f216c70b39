"""Is every sound let through, and what is none for certain told by its first bytes?"""

from __future__ import annotations

import struct

import pytest

from providers.bytes.audio_container import no_sound

RIFF = b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data"
EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
KNOWN = {
    "flac": b"fLaC\x00\x00\x00\x22\x10\x00\x10\x00",
    "m4a": b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00isomiso2",
    "mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomavc1",
    "mp4 of a recorder": b"\x00\x00\x00\x1cftypiso5\x00\x00\x02\x00iso5iso6mp41",
    "mp3 with a tag": b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE",
    "mp3 of MPEG-1": b"\xff\xfb\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00",
    "mp3 of MPEG-1 with a checksum": b"\xff\xfa\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00",
    "mp3 of MPEG-2": b"\xff\xf3\x84\xc4\x00\x00\x00\x00\x00\x00\x00\x00",
    "mp3 of MPEG-2.5": b"\xff\xe3\x18\xc4\x00\x00\x00\x00\x00\x00\x00\x00",
    "mpga of layer II": b"\xff\xfd\xa4\x04\x00\x00\x00\x00\x00\x00\x00\x00",
    "mpeg program stream": b"\x00\x00\x01\xba\x44\x00\x04\x00\x04\x01\x00\x00",
    "mpeg video": b"\x00\x00\x01\xb3\x16\x00\xf0\x15\xff\xff\xe0\x20",
    "ogg": b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02OpusHead",
    "wav": RIFF,
    "wav of 64 bits": b"RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00",
    "wav of broadcasters": b"BW64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00",
    "webm": EBML,
    "aac of a phone": b"\xff\xf1\x50\x80\x02\x1f\xfc\x21\x00\x49\x90\x02",
    "aac with a checksum": b"\xff\xf8\x50\x80\x02\x1f\xfc\x21\x00\x49\x90\x02",
    "aac with an index": b"ADIF\x00\x1c\x00\x00",
    "amr": b"#!AMR\n\x3c\x91\x17\x16\xbe",
    "amr wideband": b"#!AMR-WB\n",
    "aiff": b"FORM\x00\x00\x08\x2eAIFFCOMM\x00\x00\x00\x12",
    "caf": b"caff\x00\x01\x00\x00desc\x00\x00\x00\x00\x00\x00\x00\x20",
    "mp4 whose index comes first": b"\x00\x00\x02\x7emoov\x00\x00\x00\x6cmvhd",
    "mp4 with free space first": b"\x00\x00\x00\x08free\x00\x00\x10\x00mdat",
    "au": b".snd\x00\x00\x00\x18\xff\xff\xff\xff",
    "wma": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "ac3": b"\x0b\x77\x1c\x7c\x14\x40",
    "wav cut off": RIFF[:10],
    "avi": b"RIFF\x24\x08\x00\x00AVI LIST\x00\x00",
    "midi": b"MThd\x00\x00\x00\x06\x00\x01",
    "samples": struct.pack("<8h", 0, 3, -2, 7, 120, -640, 2, 1),
    "noise": bytes(range(128, 192)),
}
OTHERS = {
    "text": (b"This is no sound at all.", "text"),
    "one letter": (b"x", "text"),
    "a letter cut in two": (("ü".encode() * 32)[:63], "text"),
    "JSON": (b'{"error": {"message": "not found"}}', "text"),
    "HTML": (b"<!doctype html><html>", "text"),
    "a script": (b"#!/bin/sh\necho ID3 OggS fLaC\n", "text"),
    "a path": (b"/home/user/voice.mp3\n", "text"),
    "a data URL": (b"data:audio/wav;base64,UklGRiQIAABXQVZF", "text"),
    "text in Chinese": ("这不是声音。".encode(), "text"),
    "text in Latin-1": ("C'est une chaîne de caractères, sans son".encode("latin-1"), "text"),
    "text in UTF-16": ("This is no sound".encode("utf-16"), "text"),
    "text in UTF-16 without a mark": ("This is no sound".encode("utf-16-le"), "text"),
    "text in UTF-16, the other way round": ("This is no sound".encode("utf-16-be"), "text"),
    "text with a mark": (b"\xef\xbb\xbfhello", "text"),
    "webp": (b"RIFF\x24\x08\x00\x00WEBPVP8 \x00\x00", "a picture"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a picture"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a picture"),
    "gif": (b"GIF89a\x01\x00", "a picture"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00", "an archive"),
    "gzip": (b"\x1f\x8b\x08\x00", "an archive"),
    "elf": (struct.pack("<4sBBB", b"\x7fELF", 2, 1, 1) + bytes(57), "a program"),
    "zeros": (bytes(64), "filled with zeros"),
}


@pytest.mark.parametrize("head", KNOWN.values(), ids=KNOWN)
def test_sound_when_in_any_container_is_let_through(head: bytes) -> None:
    assert no_sound(head) is None
    assert no_sound(head.ljust(64, b"\0")) is None


@pytest.mark.parametrize(("head", "what"), OTHERS.values(), ids=OTHERS)
def test_file_when_it_is_no_sound_for_certain_is_told(head: bytes, what: str) -> None:
    assert no_sound(head) == what
