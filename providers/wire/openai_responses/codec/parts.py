"""How is the content of an item read and written: a text, or parts?

Formats: OpenAI's OpenAPI document of November 2026, `/responses` (`input_text`, `input_image`, `input_file`, `input_audio`,
`output_text`, `refusal`, `summary_text`, `reasoning_text`); Codex sends sound as `audio_url`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Audio, Block, Document, Image, Opaque, Refusal, Source, SourceKind, Text
from providers.canonical.extra import Extra, Json, Need, Place
from providers.canonical.leftovers import NOTHING, left, taken
from providers.canonical.tools import CacheMark
from providers.errors import InvalidResponse
from providers.wire.openai_responses.codec.citations import annotation_of, citation_of, logprobs_json, logprobs_of
from providers.wire.openai_responses.codec.words import WIRE, own

BREAKPOINT = "prompt_cache_breakpoint"
WHOLE_TEXT = "content"
"""What a text is called that is the whole content."""
TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
ENCRYPTED = "encrypted_content"
"""A part of what one agent tells another that only OpenAI can read."""
Read = Callable[[Json, str, Place], Block | None]


# From Responses


def blocks_of(content: Any, place: Place, *, answer: bool = False) -> tuple[Block, ...]:
    """The blocks of a list of parts."""
    return tuple(part_block(part, (*place, number), answer=answer) for number, part in enumerate(content))


def part_block(part: Any, place: Place, *, answer: bool = False) -> Block:
    """The block of a part. One that cannot be read, in a request, must not be left out."""
    value = part if isinstance(part, dict) else {"value": part}
    kind = value.get("type")
    read = READ.get(kind) if isinstance(kind, str) else None
    block = read({name: said for name, said in value.items() if name != "type"}, kind, place) if read and kind else None
    if block is not None:
        return block
    if answer and (read is not None or value is not part):
        raise InvalidResponse(f"a part of type {kind!r} cannot be read")
    needed = not answer and kind != ENCRYPTED
    message = f"This model's provider cannot take a part of type {kind!r} like this."
    need = Need(message, place) if needed else None
    bare = own.extra_of({}, spelled={"bare": True}) if value is not part else None
    return Opaque(WIRE, value, need, called=str(kind), place=place, extra=bare)


def _text(rest: Json, kind: str, place: Place) -> Block | None:
    if rest.keys() == {"text"} and type(rest["text"]) is str:  # so it is with most
        return Text(rest["text"], called=kind, place=place)
    cache = _mark(rest, place)
    text = taken(rest, "text", str)
    if rest.get("text") is not None:
        return None
    spelled: Json = {"untold": True} if text is None else {}
    citations = logprobs = None
    if type(rest.get("annotations")) is list and all(isinstance(one, dict) for one in rest["annotations"]):
        given = rest.pop("annotations")
        citations = tuple(citation_of(one, (*place, "annotations", at)) for at, one in enumerate(given))
        spelled["annotations"] = True
    if type(rest.get("logprobs")) is list and (logprobs := logprobs_of(rest["logprobs"])) is not None:
        del rest["logprobs"]
    lost = left(rest, silent=("annotations", "logprobs", "id"))
    extra = own.extra_of(rest, lost, spelled=spelled)
    return Text(text or "", citations or (), logprobs, called=kind, place=place, cache=cache, extra=extra)


def _refusal(rest: Json, kind: str, place: Place) -> Block | None:
    text = taken(rest, "refusal", str)
    if rest.get("refusal") is not None:
        return None
    untold = {"untold": True} if text is None else {}
    return Refusal(text or "", called=kind, place=place, extra=own.extra_of(rest, left(rest, silent=("id",)), spelled=untold))


def _image(rest: Json, kind: str, place: Place) -> Block | None:
    cache = _mark(rest, place)
    given = rest.get("image_url")
    url = given.get("url") if isinstance(given, dict) and given.keys() == {"url"} else given
    source, nested = None, {}
    if type(url) is str and url:
        source = Source(SourceKind.URL, url)
        nested = {"nested": True} if isinstance(given, dict) else {}
        del rest["image_url"]
    elif not given and (known := taken(rest, "file_id", str)):
        source = Source(SourceKind.FILE, known)
    if source is None:
        return None
    detail = taken(rest, "detail", str)
    extra = own.extra_of(rest, left(rest, silent=("id",)), spelled=nested)
    return Image(source, detail, called=kind, place=place, cache=cache, extra=extra)


def _file(rest: Json, kind: str, place: Place) -> Block | None:
    cache = _mark(rest, place)
    source = None
    if rest.get("file_id") and (known := taken(rest, "file_id", str)):
        source = Source(SourceKind.FILE, known)
    elif rest.get("file_data") and (data := taken(rest, "file_data", str)):
        source = Source(SourceKind.URL if data.startswith("data:") else SourceKind.BASE64, data)
    elif rest.get("file_url") and (url := taken(rest, "file_url", str)):
        source = Source(SourceKind.URL, url)
    if source is None:
        return None
    title = taken(rest, "filename", str)
    extra = own.extra_of(rest, left(rest, silent=("id",)))
    return Document(source, title=title, called=kind, place=place, cache=cache, extra=extra)


def _audio(rest: Json, kind: str, place: Place) -> Block | None:
    cache = _mark(rest, place)
    if rest.get("input_audio") is None and (url := taken(rest, "audio_url", str)):
        extra = own.extra_of(rest, left(rest, silent=("id",)), spelled={"url": True})
        return Audio(Source(SourceKind.URL, url), called=kind, place=place, cache=cache, extra=extra)
    sound = rest.get("input_audio")
    if not isinstance(sound, dict) or type(sound.get("data")) is not str:
        return None
    inner = dict(rest.pop("input_audio"))
    data, form = taken(inner, "data", str), taken(inner, "format", str)
    lost = (*left(rest, silent=("id",)), *left(inner, of="input_audio."))
    extra = own.extra_of(rest, lost, spelled={"inner": inner} if inner else {})
    return Audio(Source(SourceKind.BASE64, data), form, called=kind, place=place, cache=cache, extra=extra)


def _mark(rest: Json, place: Place) -> CacheMark | None:
    mark = taken(rest, BREAKPOINT, dict)
    if mark is None:
        return None
    mark = dict(mark)
    ttl = taken(mark, "ttl", str)
    extra = Extra(WIRE, {"rest": mark}, left(mark, silent=("mode",)))
    return CacheMark(ttl=ttl, called=BREAKPOINT, place=(*place, BREAKPOINT), extra=extra)


READ: Mapping[str, Read] = MappingProxyType(
    {
        **dict.fromkeys(TEXTS, _text),
        "refusal": _refusal,
        "input_image": _image,
        "input_file": _file,
        "input_audio": _audio,
    }
)
"""Type of a part → what reads the rest of it; None from that is a part which cannot be read."""


# To Responses


def content_of(blocks: Sequence[Block]) -> Any:
    """Blocks that came in this wire as the content that they were: a text, or parts."""
    if len(blocks) == 1 and isinstance(blocks[0], Text) and blocks[0].called == WHOLE_TEXT:
        return blocks[0].text
    return [part_of(block) for block in blocks]


def part_of(block: Block) -> Any:
    """The part of a block of this wire."""
    if isinstance(block, Opaque):
        return block.value["value"] if own.spelled(block.extra, "bare") else block.value
    return {"type": block.called, **WRITE[type(block)](block), **marked(block.cache), **own.rest_of(block.extra)}


def marked(mark: CacheMark | None) -> Json:
    """The breakpoint of a part; a mark of another wire has no mode, which Responses wants."""
    if mark is None:
        return {}
    rest = own.rest_of(mark.extra) if mark.extra is not None and mark.extra.wire is WIRE else {"mode": "explicit"}
    return {BREAKPOINT: rest | ({"ttl": mark.ttl} if mark.ttl is not None else {})}


def _text_json(block: Text) -> Json:
    made: Json = {} if own.spelled(block.extra, "untold") and not block.text else {"text": block.text}
    if block.citations or own.spelled(block.extra, "annotations"):
        made["annotations"] = [annotation_of(one) for one in block.citations]
    if block.logprobs is not None:
        made["logprobs"] = logprobs_json(block.logprobs)
    return made


def _refusal_json(block: Refusal) -> Json:
    return {} if own.spelled(block.extra, "untold") and not block.text else {"refusal": block.text}


def _image_json(block: Image) -> Json:
    made: Json = {"detail": block.detail} if block.detail is not None else {}
    if block.source.kind is SourceKind.FILE:
        return made | {"file_id": block.source.value}
    url = block.source.url()
    return made | {"image_url": {"url": url} if own.spelled(block.extra, "nested") else url}


def _file_json(block: Document) -> Json:
    made: Json = {"filename": block.title} if block.title is not None else {}
    source = block.source
    if source is None:
        return made
    if source.kind is SourceKind.FILE:
        return made | {"file_id": source.value}
    if source.kind is SourceKind.URL and not source.value.startswith("data:"):
        return made | {"file_url": source.value}
    return made | {"file_data": source.value}


def _audio_json(block: Audio) -> Json:
    if block.source is None:
        return {}
    if own.spelled(block.extra, "url"):
        return {"audio_url": block.source.value}
    form = {"format": block.format} if block.format is not None else {}
    return {"input_audio": {"data": block.source.value, **form, **(own.spelled(block.extra, "inner") or NOTHING)}}


WRITE: Mapping[type, Callable[[Any], Json]] = MappingProxyType(
    {Text: _text_json, Refusal: _refusal_json, Image: _image_json, Document: _file_json, Audio: _audio_json}
)
