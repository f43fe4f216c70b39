"""How is a file told in a part: the thing itself, or where it is?

Format: google-genai 3.6.1, `Blob` (which must have a `mimeType`) and `FileData`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.blocks import Source, SourceKind
from providers.canonical.extra import Json

DATA = re.compile(r"data:([a-zA-Z]{1,20}/[a-zA-Z0-9.+-]{1,60})?(?:;[^;,]{1,100}){0,3};base64,")
BEGINNINGS: Mapping[str, str] = MappingProxyType(
    {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp", "JVBERi": "application/pdf"}
)
"""How base64 of a file begins, by what it is. The start of WebP is that of WAV."""
ENDINGS: Mapping[str, str] = MappingProxyType(
    {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
     "heic": "image/heic", "pdf": "application/pdf", "txt": "text/plain", "mp4": "video/mp4", "mov": "video/quicktime",
     "webm": "video/webm", "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg"}
)  # fmt: skip
"""How the path of a file ends, by what it is."""
OCTETS = "application/octet-stream"
AUDIO: Mapping[str, str] = MappingProxyType({"mp3": "audio/mpeg", "pcm16": "audio/L16", "pcm": "audio/L16"})


def media_part(source: Source, media: str = "") -> Json | None:
    """A file, or where it is; None of one that only its own vendor can find. `media` is its type where the source has none."""
    kind, value, media = source.kind, source.value, source.media_type or media
    if kind is SourceKind.URL and value.startswith("data:"):
        head = DATA.match(value)
        if head is None:
            return None
        kind, media, value = SourceKind.BASE64, (head[1] or media).lower(), value[head.end() :]
    if kind is SourceKind.BASE64:
        return {"inlineData": {"mimeType": _exact(media) or _guessed(value) or OCTETS, "data": value}}
    if kind in (SourceKind.URL, SourceKind.STORAGE):
        told = _exact(media) or ENDINGS.get(re.split("[?#]", value, maxsplit=1)[0].rpartition(".")[2].lower(), "")
        return {"fileData": {**({"mimeType": told} if told else {}), "fileUri": value}}
    return None


def _exact(media: str) -> str:
    return "" if "*" in media else media


def _guessed(data: str) -> str:
    return next((media for start, media in BEGINNINGS.items() if data.startswith(start)), "")


def audio_type(form: str | None) -> str:
    """The type of a sound by the name of its format ("wav")."""
    return AUDIO.get(form, f"audio/{form}") if form else ""
