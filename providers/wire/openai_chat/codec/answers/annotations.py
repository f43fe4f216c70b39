"""What does a text rest on, and how likely was it? Citations and log probabilities, in and out.

Format: OpenAI's OpenAPI document of November 2026, `annotations` (`url_citation`, which counts characters from the beginning of
the whole content) and `logprobs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import Citation, TokenLogprob
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import NUMBER, left, taken
from providers.errors import InvalidResponse
from providers.wire.openai_chat.codec.leftovers import extra_of, rest_of, spelled
from providers.wire.openai_chat.codec.words import WIRE

URL = "url_citation"
TEXTS = ("url", "title", "file_id", "filename")
ENDS = (("start_index", "text_start"), ("end_index", "text_end"))


def citation_of(annotation: Any, start: int, place: Place) -> Citation:
    """The citation of a text that begins `start` characters after the beginning of the content."""
    if not isinstance(annotation, dict):
        raise InvalidResponse("an annotation is no object")
    rest = dict(annotation)
    kind: str = (taken(rest, "type", str) if rest.get("type") else None) or ""
    nested = type(rest.get(kind)) is dict
    inner = dict(rest.pop(kind)) if nested else rest
    said: Json = {name: taken(inner, name, str) for name in TEXTS}
    said |= {canonical: number for name, canonical in ENDS if (number := _counted(inner, name, start)) is not None}
    outer = rest if nested else {}
    extra = extra_of(outer, left(inner), spelled=({"inner": inner} if inner else {}) | ({} if nested else {"flat": True}))
    return Citation(called=kind, **said, place=place, extra=extra)


def _counted(inner: Json, name: str, start: int) -> int | None:
    number = inner.get(name)
    if type(number) is not int or number < start:
        return None
    del inner[name]
    return number - start


def annotation_of(citation: Citation, start: int) -> Json:
    """The annotation, as it came."""
    said = {name: getattr(citation, name) for name in TEXTS}
    made = _told(citation, said, start) | (spelled(citation.extra, "inner") or {})
    kind = {"type": citation.called} if citation.called else {}
    if spelled(citation.extra, "flat"):
        return kind | made
    return kind | {citation.called: made, **rest_of(citation.extra)}


def web_annotation(citation: Citation, start: int) -> Json | None:
    """The annotation of another wire's citation. Chat knows those of the web only."""
    if citation.url is None:
        return None
    return {"type": URL, URL: _told(citation, {"url": citation.url, "title": citation.title}, start)}


def _told(citation: Citation, said: Json, start: int) -> Json:
    made = {name: value for name, value in said.items() if value is not None}
    return made | {name: start + number for name, canonical in ENDS if (number := getattr(citation, canonical)) is not None}


def logprobs_of(tokens: Any) -> tuple[TokenLogprob, ...]:
    """The log probabilities of tokens."""
    if not isinstance(tokens, list):
        raise InvalidResponse("the log probabilities are no list")
    return tuple(_token_of(one) for one in tokens)


def _token_of(one: Any) -> TokenLogprob:
    if not isinstance(one, dict):
        raise InvalidResponse("a log probability is no object")
    rest = dict(one)
    token, logprob = taken(rest, "token", str), taken(rest, "logprob", *NUMBER)
    if token is None or logprob is None:
        raise InvalidResponse("a log probability has no token")
    utf8, top = taken(rest, "bytes", list), taken(rest, "top_logprobs", list)
    untold = {"untold": True} if top is None else {}
    others = () if top is None else logprobs_of(top)
    bare = utf8 is None and "bytes" not in rest
    extra = extra_of(rest, left(rest), spelled=untold | ({"bare": True} if bare else {}))
    return TokenLogprob(token, logprob, None if utf8 is None else tuple(utf8), others, extra)


def logprobs_json(tokens: Sequence[TokenLogprob], *, top: bool = True) -> list[Json]:
    """The log probabilities, as they came in chat, and with all fields if they came otherwise."""
    return [_token_json(one, top) for one in tokens]


def _token_json(one: TokenLogprob, top: bool) -> Json:
    own = one.extra is not None and one.extra.wire is WIRE
    made: Json = {"token": one.token, "logprob": one.logprob}
    if not (own and spelled(one.extra, "bare")):
        made["bytes"] = list(one.token.encode()) if one.utf8 is None else list(one.utf8)
    foreign = one.extra is not None and not own
    if one.top or (top if foreign else not spelled(one.extra, "untold")):
        made["top_logprobs"] = logprobs_json(one.top, top=False)
    return made | rest_of(one.extra)
