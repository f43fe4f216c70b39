"""Which chunks does a whole answer of Gemini's amount to, and which answer do chunks add up to?

For upstreams that answer in the other form than the one that was asked for, and for streams that come as one JSON list, as they
do from Google without `alt=sse`.

Format: `streamGenerateContent`, google-genai 3.6: each chunk is an answer of its own, whose parts follow those before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from providers.bytes import sse
from providers.errors import InvalidResponse
from providers.wire.gemini.errors import ERROR, failure_meant, failure_told
from providers.wire.openai.good_answer import failure_in_event
from providers.wire.openai.whole_stream import data_in

Json = dict[str, Any]
MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of a value that has not the type that the format gives it."""
ANSWERED = frozenset({"candidates", "promptFeedback"})
"""Fields of an answer, one of which there must be."""
_several = msgspec.json.Decoder(list[msgspec.Raw]).decode


def content_events(body: bytes) -> bytes:
    """The events of a whole answer, or of a list of chunks. Their own bytes stay as they are; an error among them is told by the
    relay. Raises the error that stands in their place, or `InvalidResponse`."""
    try:
        chunks = [bytes(chunk) for chunk in _several(body)] if body.startswith(b"[") else [body.strip()]
        first = msgspec.json.decode(chunks[0]) if chunks else {}
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidResponse("the answer cannot be read") from error
    if not isinstance(first, dict):
        raise InvalidResponse("the answer is no object")
    if ERROR in first:
        raise failure_meant(failure_told(first))
    if not first.keys() & ANSWERED and len(chunks) < 2:
        raise InvalidResponse("the answer has no candidates")
    return b"".join(map(sse.frame_of, chunks))


def content_of(body: bytes) -> bytes:
    """The answer that a stream adds up to. Raises the error that an event tells, or `InvalidResponse`."""
    try:
        return msgspec.json.encode(_added_up(_chunks(body)))
    except MISFITS as error:
        raise InvalidResponse("a chunk cannot be read") from error


def _chunks(body: bytes) -> Iterator[Json]:
    for data in data_in(body):
        chunk = msgspec.json.decode(data)
        if ERROR in chunk:
            raise failure_in_event(data)
        yield chunk


def _added_up(chunks: Iterable[Json]) -> Json:
    """What later chunks say replaces what was said, but for the parts of candidates, which follow each other."""
    whole: Json = {}
    choices: dict[int, Json] = {}
    for chunk in chunks:
        for choice in chunk.pop("candidates", None) or ():
            _follow(choices.setdefault(choice.get("index") or 0, {}), choice)
        whole.update(chunk)
    return {"candidates": [choices[index] for index in sorted(choices)], **whole} if choices else whole


def _follow(before: Json, choice: Json) -> None:
    content = choice.pop("content", None) or {}
    kept = before.get("content") or {}
    before.update(choice)
    if not content:
        return
    parts: list[Json] = list(kept.get("parts") or ())
    for part in content.get("parts") or ():
        if parts and _goes_on(parts[-1], part):
            parts[-1] = {**parts[-1], **part, "text": parts[-1]["text"] + part["text"]}
        else:
            parts.append(part)
    before["content"] = {**kept, **content, "parts": parts}


def _goes_on(before: Json, part: Json) -> bool:
    """Whether a text goes on in the next part: both are plain, or both thought, and what came before bears no signature."""
    texts = isinstance(before.get("text"), str) and isinstance(part.get("text"), str)
    return texts and bool(before.get("thought")) is bool(part.get("thought")) and "thoughtSignature" not in before
