"""How is a content read and written: one text, or parts?

Formats: OpenAI's OpenAPI document of November 2026, `/chat/completions` (`text`, `image_url`, `input_audio`, `file`, `refusal`);
Mistral's `thinking`; `output_text`, `image` and `output_image` as some answers have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Audio, Block, Document, Image, Opaque, Reasoning, Refusal, Source, SourceKind, Text
from providers.canonical.extra import Extra, Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import CacheMark
from providers.wire.openai_chat.codec.leftovers import extra_of, rest_of, spelled
from providers.wire.openai_chat.codec.words import WIRE

BREAKPOINT = "prompt_cache_breakpoint"
CONTROL = "cache_control"
"""Anthropic's word, which clients that know no other format than chat's write into parts and tools (OpenRouter, LiteLLM)."""
WHOLE_TEXT = "content"
"""What a text is called that is the whole content."""
THINKING = "thinking"
TEXTS = ("text", "output_text")
IMAGES = ("image_url", "image", "output_image")
Read = Callable[[Json, str, Place], Block | None]


# From chat


def part_block(part: Any, place: Place, *, answer: bool = False) -> Block:
    """The block of a part. One that chat has not, in a request, must not be left out."""
    value = part if isinstance(part, dict) else {"value": part}
    kind = value.get("type")
    read = READ.get(kind) if isinstance(kind, str) else None
    block = read({name: said for name, said in value.items() if name != "type"}, kind, place) if read and kind else None
    if block is not None:
        return block
    message = f"This model's provider cannot take a part of type {kind!r} like this."
    need = None if answer else Need(message, place)
    return Opaque(WIRE, value, need, called=str(kind), place=place, extra=extra_of({}, spelled={"bare": value is not part}))


def _text(rest: Json, kind: str, place: Place) -> Block | None:
    if rest.keys() == {"text"} and type(rest["text"]) is str:  # so it is with most
        return Text(rest["text"], called=kind, place=place)
    cache = mark_in(rest, place)
    text = taken(rest, "text", str)
    if rest.get("text") is not None:
        return None
    untold = {"untold": True} if text is None else {}
    return Text(text or "", called=kind, place=place, cache=cache, extra=extra_of(rest, left(rest), spelled=untold))


def _refusal(rest: Json, kind: str, place: Place) -> Block | None:
    text = taken(rest, "refusal", str)
    if rest.get("refusal") is not None:
        return None
    untold = {"untold": True} if text is None else {}
    return Refusal(text or "", called=kind, place=place, extra=extra_of(rest, left(rest), spelled=untold))


def _image(rest: Json, kind: str, place: Place) -> Block | None:
    cache = mark_in(rest, place)
    given = taken(rest, "image_url", dict, str)
    image = {"url": given} if type(given) is str else dict(given or {})
    url = taken(image, "url", str)
    if not url:
        return None
    flat = {"flat": True} if type(given) is str else {}
    detail = taken(image, "detail", str)
    lost = (*left(rest), *left(image, of="image_url."))
    extra = extra_of(rest, lost, spelled=flat | ({"inner": image} if image else {}))
    return Image(Source(SourceKind.URL, url), detail, called=kind, place=place, cache=cache, extra=extra)


def _audio(rest: Json, kind: str, place: Place) -> Block | None:
    cache = mark_in(rest, place)
    sound = dict(taken(rest, "input_audio", dict) or {})
    data = taken(sound, "data", str)
    if data is None:
        return None
    form = taken(sound, "format", str)
    extra = extra_of(rest, (*left(rest), *left(sound, of="input_audio.")), spelled={"inner": sound} if sound else {})
    return Audio(Source(SourceKind.BASE64, data), form, called=kind, place=place, cache=cache, extra=extra)


def _file(rest: Json, kind: str, place: Place) -> Block | None:
    cache = mark_in(rest, place)
    file = dict(taken(rest, "file", dict) or {})
    source = _source(file)
    if source is None:
        return None
    title = taken(file, "filename", str)
    extra = extra_of(rest, (*left(rest), *left(file, of="file.")), spelled={"inner": file} if file else {})
    return Document(source, title=title, called=kind, place=place, cache=cache, extra=extra)


def _source(file: Json) -> Source | None:
    if file.get("file_id") and (known := taken(file, "file_id", str)):
        return Source(SourceKind.FILE, known)
    if file.get("file_data") and (data := taken(file, "file_data", str)):
        return Source(SourceKind.URL if data.startswith("data:") else SourceKind.BASE64, data)
    return None


def _thinking(rest: Json, kind: str, place: Place) -> Block | None:
    """Mistral's, a list of texts."""
    given = rest.pop(THINKING, None)
    raw = {} if type(given) is str else {THINKING: given}
    return Reasoning(thought_in(given), called=kind, place=place, extra=extra_of(rest, left(rest), spelled=raw))


def thought_in(value: Any) -> str:
    """The text of a `thinking`."""
    parts = value if isinstance(value, list) else [value]
    return "".join(part.get("text") or "" if isinstance(part, dict) else str(part or "") for part in parts)


def mark_in(rest: Json, place: Place) -> CacheMark | None:
    """The mark of a part or a tool, taken out."""
    name = next((name for name in (BREAKPOINT, CONTROL) if type(rest.get(name)) is dict), None)
    if name is None:
        return None
    mark = dict(rest.pop(name))
    ttl = taken(mark, "ttl", str)
    extra = Extra(WIRE, {"rest": mark, "name": name}, left(mark, silent=("mode", "type")))
    return CacheMark(ttl=ttl, called=name, place=(*place, name), extra=extra)


READ: Mapping[str, Read] = MappingProxyType(
    {
        **dict.fromkeys(TEXTS, _text),
        **dict.fromkeys(IMAGES, _image),
        "input_audio": _audio,
        "file": _file,
        "refusal": _refusal,
        THINKING: _thinking,
    }
)
"""Type of a part → what reads the rest of it; None from that is a part which cannot be read."""


# To chat


def content_of(blocks: Sequence[Block]) -> str | list[Any] | None:
    """Blocks as a content, as they were told: a text, or parts. None if there are none."""
    if len(blocks) == 1 and isinstance(blocks[0], Text) and blocks[0].called == WHOLE_TEXT:
        return None if spelled(blocks[0].extra, "untold") and not blocks[0].text else blocks[0].text
    return [part_of(block) for block in blocks] or None


def part_of(block: Block) -> Any:
    """The part of a block that chat has a part for. Raises `KeyError` for any other."""
    if isinstance(block, Opaque):
        return block.value["value"] if spelled(block.extra, "bare") else block.value
    return WRITE[type(block)](block)


def _written(block: Text | Refusal | Image | Audio | Document | Reasoning, kind: str, **said: Any) -> Json:
    return {"type": kind, **said, **marked(block.cache), **rest_of(block.extra)}


def marked(mark: CacheMark | None) -> Json:
    """The field of a mark, which is always explicit in chat, unless it came otherwise."""
    if mark is None:
        return {}
    said = spelled(mark.extra, "rest")
    value = ({} if mark.ttl is None else {"ttl": mark.ttl}) | ({"mode": "explicit"} if said is None else said)
    return {spelled(mark.extra, "name") or BREAKPOINT: value}


def text_part(block: Text) -> Json:
    said = {} if spelled(block.extra, "untold") and not block.text else {"text": block.text}
    return _written(block, block.called if block.called in TEXTS else "text", **said)


def _refusal_part(block: Refusal) -> Json:
    return _written(block, "refusal", **({} if spelled(block.extra, "untold") and not block.text else {"refusal": block.text}))


def image_part(block: Image, kind: str = "image_url") -> Json:
    url = block.source.url()
    flat = spelled(block.extra, "flat") and block.detail is None
    detail = {} if block.detail is None else {"detail": block.detail}
    image = url if flat else {"url": url, **detail, **(spelled(block.extra, "inner") or {})}
    return _written(block, block.called if block.called in IMAGES else kind, image_url=image)


def audio_part(block: Audio) -> Json:
    form = {} if block.format is None else {"format": block.format}
    data = block.source.value if block.source else ""
    return _written(block, "input_audio", input_audio={"data": data, **form, **(spelled(block.extra, "inner") or {})})


def document_part(block: Document) -> Json:
    source = block.source or Source(SourceKind.BASE64, "")
    data = source.url() if source.kind is SourceKind.BASE64 and source.media_type else source.value
    file = {"file_id": source.value} if source.kind is SourceKind.FILE else {"file_data": data}
    named = {} if block.title is None else {"filename": block.title}
    return _written(block, "file", file={**file, **named, **(spelled(block.extra, "inner") or {})})


def _thinking_part(block: Reasoning) -> Json:
    raw = spelled(block.extra, THINKING)
    return _written(block, THINKING, thinking=block.text if raw is None or thought_in(raw) != block.text else raw)


WRITE: Mapping[type, Callable[[Any], Json]] = MappingProxyType(
    {
        Text: text_part,
        Refusal: _refusal_part,
        Image: image_part,
        Audio: audio_part,
        Document: document_part,
        Reasoning: _thinking_part,
    }
)
