"""What does a text rest on, and how likely was it? Citations and log probabilities, in and out.

Format: OpenAI's OpenAPI document of November 2026, `annotations` (`url_citation`, `file_citation`, `container_file_citation`,
`file_path`) and `logprobs` of `output_text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import Citation, TokenLogprob
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import NUMBER, left, taken
from providers.wire.openai_responses.codec.words import WIRE, own

NAMES = (("url", "url"), ("title", "title"), ("file_id", "file_id"), ("filename", "filename"))
ENDS = (("start_index", "text_start"), ("end_index", "text_end"))


def citation_of(annotation: Json, place: Place) -> Citation:
    """The citation that an annotation is."""
    rest = dict(annotation)
    kind = taken(rest, "type", str) if rest.get("type") else None
    said: Json = {canonical: taken(rest, name, str) for name, canonical in NAMES}
    said |= {canonical: taken(rest, name, int) for name, canonical in ENDS}
    bare = {} if kind is not None else {"bare": True}
    return Citation(called=kind or "", **said, place=place, extra=own.extra_of(rest, left(rest), spelled=bare))


def annotation_of(citation: Citation) -> Json:
    """The annotation of a citation; one of another wire is told as one of the web or of a file."""
    kind = citation.called or ("file_citation" if citation.file_id and not citation.url else "url_citation")
    made: Json = {} if own.spelled(citation.extra, "bare") else {"type": kind}
    said = [(name, getattr(citation, canonical)) for name, canonical in (*NAMES, *ENDS)]
    return made | {name: value for name, value in said if value is not None} | own.rest_of(citation.extra)


def logprobs_of(tokens: Sequence[Any]) -> tuple[TokenLogprob, ...] | None:
    """The log probabilities of tokens, None if they cannot be read."""
    read = [_token_of(one) for one in tokens]
    found = tuple(one for one in read if one is not None)
    return found if len(found) == len(read) else None


def _token_of(one: Any) -> TokenLogprob | None:
    if not isinstance(one, dict) or type(one.get("token")) is not str or type(one.get("logprob")) not in NUMBER:
        return None
    rest = dict(one)
    token, logprob = rest.pop("token"), rest.pop("logprob")
    utf8, top = taken(rest, "bytes", list), taken(rest, "top_logprobs", list)
    others = () if top is None else logprobs_of(top)
    if others is None:
        return None
    spelled = ({"untold": True} if top is None else {}) | ({"bare": True} if utf8 is None else {})
    extra = own.extra_of(rest, left(rest), spelled=spelled)
    return TokenLogprob(token, logprob, None if utf8 is None else tuple(utf8), others, extra)


def logprobs_json(tokens: Sequence[TokenLogprob], *, inner: bool = False) -> list[Json]:
    """The log probabilities: as they came in this wire, and with all fields if they came in another."""
    return [_token_json(one, inner=inner) for one in tokens]


def _token_json(one: TokenLogprob, *, inner: bool) -> Json:
    mine = one.extra is not None and one.extra.wire is WIRE
    made: Json = {"token": one.token, "logprob": one.logprob}
    if one.utf8 is not None or not (mine and own.spelled(one.extra, "bare")):
        made["bytes"] = list(one.token.encode()) if one.utf8 is None else list(one.utf8)
    if one.top or not (inner or (mine and own.spelled(one.extra, "untold"))):
        made["top_logprobs"] = logprobs_json(one.top, inner=True)
    return made | own.rest_of(one.extra)
