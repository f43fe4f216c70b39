"""How is a transcript asked for, and how are subtitles and events made of one?

Formats: OpenAI's OpenAPI document of August 2026, `/audio/transcriptions` and `/audio/translations` (a form in; JSON, text or
`transcript.text.*` events out); SubRip (srt); WebVTT of the W3C (vtt).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import msgspec

from providers.bytes import sse
from providers.bytes.multipart import Form
from providers.bytes.patch import Fields
from providers.errors import InvalidResponse
from providers.wire.openai.good_answer import answer_of

TRANSLATION_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
FORMATS = (*TRANSLATION_FORMATS, "diarized_json")
TEXTS = frozenset({"text", "srt", "vtt"})
"""Formats whose answers are no JSON."""
GRANULARITIES = ("word", "segment")
LOWEST, HIGHEST = 0.0, 1.0
BOOLEANS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})
PLAIN = b"text/plain; charset=utf-8"


def format_of(form: Form) -> str:
    """The `response_format` that a request asks for."""
    asked = form.text("response_format")
    return "json" if asked is None else asked


class Segment(msgspec.Struct):
    """Seconds, and what is said between them."""

    start: float
    end: float
    text: str = ""


class _Transcript(msgspec.Struct):
    text: str
    duration: float | None = None
    segments: list[Segment] | None = None


_transcript = msgspec.json.Decoder(_Transcript, strict=False).decode
_string = msgspec.json.Decoder(str).decode


def text_of(body: bytes, asked: str) -> tuple[bytes, Fields | None]:
    """An answer in JSON as the `text`, `srt` or `vtt` that was asked for, and its fields. Some upstreams put the text itself
    into a JSON string. Raises the error that the answer carries instead, or `InvalidResponse`."""
    if body.lstrip().startswith(b'"'):
        try:
            return _string(body).encode(), None
        except msgspec.DecodeError as error:
            raise InvalidResponse from error
    fields = answer_of(body, "text")
    try:
        found = _transcript(body)
    except msgspec.DecodeError as error:
        raise InvalidResponse(f"the transcript cannot be read: {error}") from error
    return _WRITERS[asked](found).encode(), fields


def _text(found: _Transcript) -> str:
    return f"{found.text}\n"


def _srt(found: _Transcript) -> str:
    cues = enumerate(_segments(found), 1)
    return "".join(f"{number}\n{_span(cue, ',')}\n{_lines(cue.text)}\n\n" for number, cue in cues)


def _vtt(found: _Transcript) -> str:
    cues = (f"{_span(cue, '.')}\n{_escaped(_lines(cue.text))}\n\n" for cue in _segments(found))
    return "WEBVTT\n\n" + "".join(cues)


_WRITERS = MappingProxyType({"text": _text, "srt": _srt, "vtt": _vtt})


def _segments(found: _Transcript) -> Iterator[Segment]:
    """Those that say something; the whole text as one where an upstream gives none but the duration, or none at all."""
    segments = found.segments
    if not segments:
        if found.duration is None and found.text.strip():
            raise InvalidResponse("the answer has neither segments nor a duration")
        segments = [Segment(0.0, found.duration or 0.0, found.text)]
    return (segment for segment in segments if segment.text.strip())


def _span(cue: Segment, point: str) -> str:
    return f"{_clock(cue.start, point)} --> {_clock(max(cue.start, cue.end), point)}"


def _clock(seconds: float, point: str) -> str:
    """`00:00:00,000`; what is no time is its beginning."""
    thousandths = round(seconds * 1000) if 0 <= seconds < 1e9 else 0
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _lines(text: str) -> str:
    """The text as a cue may hold it: no blank line, which would end it, and no arrow, which would begin one."""
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line).replace("-->", "->")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def events_of(body: bytes, *, json: bool) -> bytes:
    """The events that stand for a whole answer (in `json`, or plain text): all of it at once, and that it is done. Raises
    as `text_of`."""
    text, fields = text_of(body, "text") if json else (body, None)
    whole = text.decode("utf-8", "replace").removesuffix("\n")
    more = {name: msgspec.Raw(raw) for name in ("usage", "logprobs") if (raw := fields and fields.raw(name))}
    delta = {"type": "transcript.text.delta", "delta": whole}
    done = {"type": "transcript.text.done", "text": whole, **more}
    return b"".join(sse.frame_of(msgspec.json.encode(event)) for event in (delta, done))
