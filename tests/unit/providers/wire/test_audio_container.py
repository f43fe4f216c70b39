"""Is the container of a sound known by its first bytes, and nothing else taken for one?"""

from __future__ import annotations

import struct

import pytest

from providers.wire.audio_container import NAMES, container_of

RIFF = b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data"
EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
KNOWN = {
    "flac": (b"fLaC\x00\x00\x00\x22\x10\x00\x10\x00", "flac"),
    "m4a": (b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00isomiso2", "mp4"),
    "mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomavc1", "mp4"),
    "mp4 of a recorder": (b"\x00\x00\x00\x1cftypiso5\x00\x00\x02\x00iso5iso6mp41", "mp4"),
    "mp3 with a tag": (b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE", "mp3"),
    "mp3 of MPEG-1": (b"\xff\xfb\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00", "mp3"),
    "mp3 of MPEG-1 with a checksum": (b"\xff\xfa\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00", "mp3"),
    "mp3 of MPEG-2": (b"\xff\xf3\x84\xc4\x00\x00\x00\x00\x00\x00\x00\x00", "mp3"),
    "mp3 of MPEG-2.5": (b"\xff\xe3\x18\xc4\x00\x00\x00\x00\x00\x00\x00\x00", "mp3"),
    "mpga of layer II": (b"\xff\xfd\xa4\x04\x00\x00\x00\x00\x00\x00\x00\x00", "mp3"),
    "mpeg program stream": (b"\x00\x00\x01\xba\x44\x00\x04\x00\x04\x01\x00\x00", "mpeg"),
    "mpeg video": (b"\x00\x00\x01\xb3\x16\x00\xf0\x15\xff\xff\xe0\x20", "mpeg"),
    "ogg": (b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02OpusHead", "ogg"),
    "wav": (RIFF, "wav"),
    "wav of 64 bits": (b"RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00", "wav"),
    "wav of broadcasters": (b"BW64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00", "wav"),
    "webm": (EBML, "webm"),
}
OTHERS = {
    "nothing": b"",
    "text": b"This is no sound at all.",
    "text in UTF-16": "This is no sound".encode("utf-16"),
    "aac without a container": b"\xff\xf1\x50\x80\x02\x1f\xfc\x21\x00\x49\x90\x02",
    "aiff": b"FORM\x00\x00\x08\x2eAIFFCOMM\x00\x00\x00\x12",
    "avi": b"RIFF\x24\x08\x00\x00AVI LIST\x00\x00",
    "webp": b"RIFF\x24\x08\x00\x00WEBPVP8 \x00\x00",
    "wav cut off": RIFF[:10],
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "zip": b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00",
    "html": b"<!doctype html><html>",
    "script": b"#!/bin/sh\necho ID3 OggS fLaC\n",
    "zeros": bytes(64),
    "ones": b"\xff" * 1,
    "amr": b"#!AMR\n\x3c\x91\x17\x16\xbe",
    "midi": b"MThd\x00\x00\x00\x06\x00\x01",
    "signature in the middle": b"\x00OggS\x00\x02",
    "elf": struct.pack("<4sBBB", b"\x7fELF", 2, 1, 1) + bytes(57),
}


@pytest.mark.parametrize(("head", "container"), KNOWN.values(), ids=KNOWN)
def test_container_when_it_is_a_known_one_is_told(head: bytes, container: str) -> None:
    assert container in NAMES
    assert container_of(head) == container
    assert container_of(head.ljust(64, b"\0")) == container


@pytest.mark.parametrize("head", OTHERS.values(), ids=OTHERS)
def test_container_when_it_is_another_or_none_is_none(head: bytes) -> None:
    assert container_of(head) is None
