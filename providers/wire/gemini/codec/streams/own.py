"""How is a chunk of Gemini's made again, of its events and of what came?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from providers.canonical.events import Event, ReasoningDelta, TextDelta
from providers.canonical.extra import Json
from providers.wire.gemini.codec.spelling import listed


def own_chunk(given: Json, events: Sequence[Event]) -> Json:
    """The chunk, as it came, with the texts as the events tell them."""
    told: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta):
            told.setdefault(event.choice, []).append(event.text)
    came = {index: [part["text"] for part in parts] for index, parts in _texts(given)}
    if told == {index: texts for index, texts in came.items() if texts}:
        return given
    return _changed(given, told)


def _texts(given: Json) -> Iterator[tuple[int, list[Json]]]:
    for number, candidate in enumerate(given.get("candidates") or ()):
        yield candidate.get("index", number), [part for part in _parts(candidate) if _is_text(part)]


def _parts(candidate: Json) -> Sequence[Any]:
    return listed((candidate.get("content") or {}).get("parts")) or ()


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str) and bool(part["text"])


def _changed(given: Json, told: dict[int, list[str]]) -> Json:
    """What is not told any more is empty."""
    candidates = []
    for number, candidate in enumerate(given.get("candidates") or ()):
        texts = iter(told.get(candidate.get("index", number), ()))
        parts = [{**part, "text": next(texts, "")} if _is_text(part) else part for part in _parts(candidate)]
        content = candidate.get("content")
        candidates.append({**candidate, "content": {**content, "parts": parts}} if parts and content else candidate)
    return {**given, "candidates": candidates}
