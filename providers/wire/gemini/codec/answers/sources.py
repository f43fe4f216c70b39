"""What does a text rest on, and how likely was it?

Format: google-genai 3.6.1, `CitationMetadata` and `GroundingMetadata`, which count bytes of the candidate's text, and
`LogprobsResult`. All of it stands beside the content, and is kept as it came for clients of Gemini's format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from providers.canonical.blocks import Block, Citation, Text, TokenLogprob
from providers.canonical.extra import Json
from providers.canonical.leftovers import NUMBER

CITED, GROUNDED, WEIGHED = "citationMetadata", "groundingMetadata", "logprobsResult"
LOST = (GROUNDED, "urlContextMetadata")
"""What of a candidate says more than the citations that are made of it."""


def citations_in(candidate: Json, text: bytes) -> tuple[Citation, ...]:
    """The citations of a candidate's whole text, in UTF-8; they count its characters."""
    found = (*_cited(candidate.get(CITED)), *_grounded(candidate.get(GROUNDED)))
    return tuple(_placed(one, start, end, text) for one, start, end in found)


def _placed(citation: Citation, start: Any, end: Any, text: bytes) -> Citation:
    """The start of a text is not told: it is the default of its type."""
    if type(end) is not int:
        return citation
    first, last = (len(text[: max(at, 0)].decode("utf-8", "ignore")) for at in (start if type(start) is int else 0, end))
    return msgspec.structs.replace(citation, text_start=first, text_end=last)


def _cited(metadata: Any) -> Iterator[tuple[Citation, Any, Any]]:
    given = metadata if isinstance(metadata, dict) else {}
    sources = given.get("citations") or given.get("citationSources")
    for one in sources if isinstance(sources, list) else ():
        if isinstance(one, dict):
            made = Citation(called=CITED, url=_text(one.get("uri")), title=_text(one.get("title")))
            yield made, one.get("startIndex"), one.get("endIndex")


def _grounded(metadata: Any) -> Iterator[tuple[Citation, Any, Any]]:
    given = metadata if isinstance(metadata, dict) else {}
    chunks, supports = given.get("groundingChunks"), given.get("groundingSupports")
    for support in supports if isinstance(supports, list) else ():
        segment = support.get("segment") if isinstance(support, dict) else None
        numbers = support.get("groundingChunkIndices") if isinstance(segment, dict) else None
        for number in numbers if isinstance(numbers, list) else ():
            source = _source(chunks, number)
            if source is not None and isinstance(segment, dict):
                url, title, quote = (_text(said) for said in (source.get("uri"), source.get("title"), segment.get("text")))
                made = Citation(called=GROUNDED, url=url, title=title, quote=quote)
                yield made, segment.get("startIndex"), segment.get("endIndex")


def _source(chunks: Any, number: Any) -> Json | None:
    if not isinstance(chunks, list) or type(number) is not int or not 0 <= number < len(chunks):
        return None
    chunk = chunks[number]
    kinds = (chunk.get(kind) for kind in ("web", "retrievedContext", "maps", "image")) if isinstance(chunk, dict) else ()
    return next((source for source in kinds if isinstance(source, dict)), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def logprobs_in(candidate: Json) -> tuple[TokenLogprob, ...] | None:
    """The log probabilities of a candidate; None if there are none."""
    result = candidate.get(WEIGHED)
    chosen = result.get("chosenCandidates") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(chosen, list):
        return None
    top = result.get("topCandidates")
    tops = top if isinstance(top, list) else ()
    made = []
    for number, one in enumerate(chosen):
        others = tops[number].get("candidates") if number < len(tops) and isinstance(tops[number], dict) else None
        made.append(_token(one, tuple(_token(other) for other in others) if isinstance(others, list) else ()))
    return tuple(made)


def _token(one: Any, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    given = one if isinstance(one, dict) else {}
    told, token = given.get("logProbability"), given.get("token")
    logprob: float = told if told is not None and type(told) in NUMBER else 0.0
    return TokenLogprob(token if isinstance(token, str) else "", logprob, None, top)


# To Gemini


def citations_json(texts: Sequence[Text]) -> Json:
    """The citations of texts that stand one after the other; those without an address are not for Gemini."""
    made: list[Json] = []
    before = 0
    for block in texts:
        told = (citation_json(one, block.text, before) for one in block.citations)
        made += [one for one in told if one is not None]
        before += len(block.text.encode())
    return {CITED: {"citations": made}} if made else {}


def citation_json(citation: Citation, text: str, before: int) -> Json | None:
    """A citation of a text that begins `before` bytes after the beginning of all text."""
    if citation.url is None:
        return None
    ends = (("startIndex", citation.text_start), ("endIndex", citation.text_end))
    made: Json = {name: before + len(text[:at].encode()) for name, at in ends if at is not None}
    return made | {"uri": citation.url} | ({"title": citation.title} if citation.title else {})


def logprobs_json(tokens: Sequence[TokenLogprob]) -> Json:
    """The log probabilities, as they stand beside a content."""
    chosen = [_weighed(one) for one in tokens]
    tops = [{"candidates": [_weighed(other) for other in one.top]} for one in tokens]
    return {WEIGHED: {"chosenCandidates": chosen, **({"topCandidates": tops} if any(one.top for one in tokens) else {})}}


def _weighed(one: TokenLogprob) -> Json:
    return {"token": one.token, "logProbability": one.logprob}


def with_sources(blocks: list[Block], candidate: Json) -> list[Block]:
    """The blocks, of which each text has its citations, and the first one the log probabilities."""
    at = [number for number, block in enumerate(blocks) if isinstance(block, Text)]
    if not at:
        return blocks
    tokens = logprobs_in(candidate)
    texts = [block for block in blocks if isinstance(block, Text)]
    whole = "".join(block.text for block in texts).encode() if CITED in candidate or GROUNDED in candidate else b""
    if whole and (found := citations_in(candidate, whole)):
        texts = list(_shared_out(texts, found))
    if tokens is not None:
        texts[0] = msgspec.structs.replace(texts[0], logprobs=tokens)
    made = list(blocks)
    for number, text in zip(at, texts, strict=True):
        made[number] = text
    return made


def _shared_out(texts: Sequence[Text], citations: Sequence[Citation]) -> Iterator[Text]:
    """Each text with the citations that begin in it; the last one has those that stand nowhere."""
    start = 0
    left = list(citations)
    for number, text in enumerate(texts):
        end, last = start + len(text.text), number == len(texts) - 1
        mine = [one for one in left if last or (one.text_start is not None and one.text_start < end)]
        left = [one for one in left if one not in mine]
        yield msgspec.structs.replace(text, citations=tuple(moved(one, start) for one in mine)) if mine else text
        start = end


def moved(citation: Citation, start: int) -> Citation:
    """A citation of all text as one of a text that begins `start` characters after the beginning."""
    if citation.text_start is None or citation.text_end is None or not start:
        return citation
    first, last = max(citation.text_start - start, 0), max(citation.text_end - start, 0)
    return msgspec.structs.replace(citation, text_start=first, text_end=last)
