"""Where does Converse have the bytes of a picture, a document, a sound or a film, and what does it call their formats?

Format: `bedrock-runtime` of botocore 1.44.8, `ImageSource`, `DocumentSource`, `AudioSource`, `VideoSource`: bytes as base64, or
an object of S3. There are no addresses of the web.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Source, SourceKind
from providers.canonical.extra import Json
from providers.canonical.leftovers import left, taken
from providers.wire.bedrock_converse.codec.words import own

OFFICE = "application/vnd.openxmlformats-officedocument"
IMAGES = MappingProxyType({kind: f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp")})
DOCUMENTS = MappingProxyType(
    {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": f"{OFFICE}.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": f"{OFFICE}.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    }
)
VIDEOS = MappingProxyType(
    {
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "mp4": "video/mp4",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpeg": "video/mpeg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
        "mpg": "video/mpg",
    }
)
AUDIOS = MappingProxyType(
    {kind: f"audio/{kind}" for kind in ("wav", "aac", "flac", "ogg", "opus", "webm", "x-aac", "mp4", "m4a", "mpga", "pcm")}
    | {"mp3": "audio/mpeg", "mkv": "audio/x-matroska", "mka": "audio/matroska", "mpeg": "audio/mpeg3"}
)
ALIASES = MappingProxyType(
    {"image/jpg": "image/jpeg", "audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}
)
"""Other names of the same type."""
DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]{1,100}){0,3};base64,", re.IGNORECASE)
SUFFIX = re.compile(r"\.([a-z0-9]{2,4})\Z", re.IGNORECASE)
S3 = "s3://"
Formats = Mapping[str, str]


# From Converse


def source_in(rest: Json, formats: Formats, spelled: Json) -> Source | None:
    """The source, with its format, taken out; None if it is none."""
    given = rest.get("source")
    if not isinstance(given, dict):
        return None
    inner = dict(given)
    found = _read(inner)
    if found is None:
        return None
    del rest["source"]
    form = taken(rest, "format", str)
    media_type = formats.get(form or "", "")
    if form is not None and not media_type:
        spelled["format"] = form
    kind, value, location = found
    lost = left(inner) + left(location)
    return Source(kind, value, media_type, own.extra_of(inner, lost, spelled={"location": location} if location else {}))


def _read(inner: Json) -> tuple[SourceKind, str, Json] | None:
    data = taken(inner, "bytes", str)
    if data is not None:
        return SourceKind.BASE64, data, {}
    location = inner.get("s3Location")
    if isinstance(location, dict) and type(location.get("uri")) is str and location["uri"].startswith(S3):
        del inner["s3Location"]
        return SourceKind.STORAGE, location["uri"], {name: value for name, value in location.items() if name != "uri"}
    text = taken(inner, "text", str)
    return None if text is None else (SourceKind.TEXT, text, {})


# To Converse


def source_json(source: Source) -> Json | None:
    """The source; None for one that Converse cannot have: an address of the web, the id of a file, a bucket of another cloud."""
    rest = own.rest_of(source.extra)
    if source.kind is SourceKind.BASE64:
        return {"bytes": source.value, **rest}
    if source.kind is SourceKind.URL:
        head = DATA_URL.match(source.value)
        return {"bytes": source.value[head.end() :], **rest} if head else None
    if source.kind is SourceKind.STORAGE:
        more = own.spelled(source.extra, "location") or {}
        return {"s3Location": {"uri": source.value, **more}, **rest} if source.value.startswith(S3) else None
    return {"text": source.value, **rest} if source.kind is SourceKind.TEXT else None


def format_of(source: Source, formats: Formats, name: str | None = None) -> str | None:
    """What Converse calls the format, by the media type or, without one that says something, by the end of a file's name."""
    media_type = source.media_type.partition(";")[0].strip().lower()
    if source.kind is SourceKind.URL and (head := DATA_URL.match(source.value)):
        media_type = head[1].lower()
    media_type = ALIASES.get(media_type, media_type)
    by_type: dict[Any, str] = {kind: form for form, kind in reversed(tuple(formats.items()))}
    if media_type in by_type:
        return by_type[media_type]
    for text in (name or "", source.value if source.kind is SourceKind.STORAGE else ""):
        suffix = SUFFIX.search(text)
        if suffix and (form := {"jpg": "jpeg"}.get(suffix[1].lower(), suffix[1].lower())) in formats:
            return form
    return "txt" if source.kind is SourceKind.TEXT else None
