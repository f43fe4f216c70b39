"""How many tokens does an answer say it used? In either of OpenAI's spellings, and those of who copied them.

Formats: `usage` of chat and embeddings (`prompt_tokens`, `completion_tokens`), of audio and images (`input_tokens`,
`output_tokens`, with `input_token_details` for transcripts), of sound that is billed by its length (`seconds`), of rerankers
(`total_tokens` alone, or Cohere's `meta`); Groq's `x_groq.usage`, on the last chunk of a stream. The tier that served stands
beside the usage, as `service_tier`.
A usage in the common form is read by the decoder alone. One that it cannot read is read number by number: PHP writes an
empty object as `[]`, JavaScript and databases write numbers as texts or as 12.0, and what is no count counts as absent.

Vendors and what they spell otherwise, each as its reference of 2026 has it:

- DeepSeek (context caching): `prompt_cache_hit_tokens` and `prompt_cache_miss_tokens`, whose sum is `prompt_tokens`.
- Moonshot, Together (chat): `cached_tokens` beside the others. Mistral, vLLM: `num_cached_tokens`.
- Alibaba (context cache): `prompt_tokens_details.cache_creation_input_tokens`.
- Anthropic and proxies of it (prompt caching): `cache_read_input_tokens`, `cache_creation_input_tokens`; its `input_tokens` does
  not contain them.
- Perplexity (deep research): `reasoning_tokens` beside the others.
- xAI (reasoning): `completion_tokens` without `reasoning_tokens`; the total has both.
- Gemini's OpenAI endpoint (thinking): thoughts are in the total alone.
- Cohere (rerank): `meta.billed_units`, `meta.tokens`; `search_units` are what it bills.
- Mistral (transcripts): `prompt_audio_seconds` beside the others. Whisper servers: `duration` beside the text alone.

The rest of a total that is larger than its parts are thoughts, which are paid as output; where it is what was read from the cache
or written to it, the input does not contain that, and it belongs there. Without a total, what is larger than the whole is no part
of it.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from providers.bytes.patch import Fields, InvalidJson, fields_of
from providers.types import Usage

BYTES_PER_TOKEN = 4
MOST = 2**53
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST)]


class _Cached(msgspec.Struct):
    audio_tokens: Count | None = None


class _Details(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None
    image_tokens: Count | None = None
    cached_tokens_details: _Cached | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_tokens: Count | None = None
    num_cached_tokens: Count | None = None
    prompt_cache_hit_tokens: Count | None = None
    prompt_cache_miss_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_token_details: _Details | None = None
    seconds: Seconds | None = None
    prompt_audio_seconds: Seconds | None = None
    search_units: Count | None = None


class _Groq(msgspec.Struct):
    usage: _Usage | None = None


DETAILS = tuple(name for name in _Usage.__struct_fields__ if name.endswith("_details"))
SECONDS = ("seconds", "prompt_audio_seconds")
NO_DETAILS = _Details()
NO_TIER = (None, b"null", b'"default"', b'"standard"', b'"auto"', b'""')
_decode = msgspec.json.Decoder(_Usage | None).decode
_decode_groq = msgspec.json.Decoder(_Groq | None).decode


def groqs_own(fields: Fields) -> bytes | None:
    """The JSON of a usage that stands in Groq's place alone."""
    if fields.raw("usage") not in (None, b"null"):
        return None
    try:
        return fields_of(fields.raw("x_groq") or b"{}").raw("usage")
    except InvalidJson:
        return None


def estimated_tokens(size: int) -> int:
    """How many tokens that many bytes of text are likely to be, where nobody counts them."""
    return size // BYTES_PER_TOKEN


def usage_of(fields: Fields) -> Usage | None:
    """The usage of an answer, a chunk or an event; None when it is absent, null or unreadable, or counts no tokens."""
    spans = fields.spans
    if "usage" not in spans and "x_groq" not in spans and "meta" not in spans:
        return _of_duration(fields) if "duration" in spans and "text" in spans else None
    try:
        usage = _decode(fields.raw("usage") or b"null") or _of_groq(fields)
    except msgspec.DecodeError:
        usage = _read(_value(fields, "usage")) or _read(_within(_value(fields, "x_groq"), "usage"))
    if usage is None:
        return _of_cohere(fields)
    counted = _counted(usage)
    return counted if counted is None or fields.raw("service_tier") in NO_TIER else with_tier(counted, fields)


def with_tier(usage: Usage, fields: Fields) -> Usage:
    """The usage with the tier that served."""
    tier = _value(fields, "service_tier")
    return msgspec.structs.replace(usage, service_tier=tier) if isinstance(tier, str) else usage


def _of_duration(fields: Fields) -> Usage | None:
    seconds = _seconds(_value(fields, "duration"))
    return Usage(audio_seconds=seconds) if seconds else None


def usage_in(value: Any) -> Usage | None:
    """The usage that a decoded object tells, however it spells its numbers; None when it counts no tokens."""
    usage = _read(value)
    return _counted(usage) if usage else None


def _counted(usage: _Usage) -> Usage | None:
    sent, received, total = usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
    before, after = usage.prompt_tokens_details, usage.completion_tokens_details
    if sent is None or received is None or sent + received != total or before is None or after is None:
        return _pieced_together(usage)
    if before.cached_tokens is None or before.cache_creation_input_tokens is not None or after.reasoning_tokens is None:
        return _pieced_together(usage)
    found = Usage(sent, received, before.cached_tokens, after.reasoning_tokens, before.cache_write_tokens or 0)
    return _with_media(found, usage, before, after)


def _with_media(found: Usage, usage: _Usage, before: _Details, after: _Details) -> Usage:
    """The usage with what is told of sound and pictures, which most are not about."""
    heard, seen = before.audio_tokens or 0, before.image_tokens or 0
    spoken, drawn = after.audio_tokens or 0, after.image_tokens or 0
    seconds = usage.seconds or usage.prompt_audio_seconds or 0.0
    if not (heard or seen or spoken or drawn or seconds):
        return found
    cached = before.cached_tokens_details
    return msgspec.structs.replace(
        found,
        audio_input_tokens=heard,
        image_input_tokens=seen,
        audio_output_tokens=spoken,
        image_output_tokens=drawn,
        cached_audio_tokens=(cached.audio_tokens or 0) if cached else 0,
        audio_seconds=float(seconds),
    )


def _pieced_together(usage: _Usage) -> Usage | None:
    """The tokens of a usage that is not wholly in OpenAI's form."""
    sent = usage.prompt_tokens if usage.prompt_tokens is not None else usage.input_tokens
    received = usage.completion_tokens if usage.completion_tokens is not None else usage.output_tokens
    before = usage.prompt_tokens_details or usage.input_tokens_details or usage.input_token_details
    after = usage.completion_tokens_details or usage.output_tokens_details or usage.output_token_details
    total = usage.total_tokens
    cached, written, thought = _cached(usage, before), _written(usage, before), _thought(usage, after)
    if sent is None and usage.prompt_cache_hit_tokens is not None and usage.prompt_cache_miss_tokens is not None:
        sent = usage.prompt_cache_hit_tokens + usage.prompt_cache_miss_tokens
    if sent is None or received is None:
        if all(told is None for told in (sent, received, total, before, after)):
            return _without_tokens(usage)
        sent, received = _completed(sent, received, total)
    else:
        anthropics = usage.prompt_tokens is None and usage.cache_read_input_tokens is not None
        sent += cached + written if anthropics or (total is None and cached + written > sent) else 0
        received += thought if total is None and thought > received else 0
    rest = total - sent - received if total is not None else 0
    if rest > 0 and rest in (cached, written, cached + written) and rest != thought:
        sent += rest
    elif rest > 0:
        received += rest
        thought = thought or rest
    found = Usage(sent, received, cached, thought, written)
    return _with_media(found, usage, before or NO_DETAILS, after or NO_DETAILS)


def _without_tokens(usage: _Usage) -> Usage | None:
    seconds, searches = usage.seconds or usage.prompt_audio_seconds or 0.0, usage.search_units or 0
    return Usage(audio_seconds=float(seconds), searches=searches) if seconds or searches else None


def _completed(sent: int | None, received: int | None, total: int | None) -> tuple[int, int]:
    """What is known of both: the rest of the total where one of them is missing, all of it as input where both are."""
    if sent is None:
        sent = max((total or 0) - (received or 0), 0)
    return sent, received if received is not None else max((total or 0) - sent, 0)


def _cached(usage: _Usage, before: _Details | None) -> int:
    if before is not None and before.cached_tokens is not None:
        return before.cached_tokens
    return usage.prompt_cache_hit_tokens or usage.cached_tokens or usage.num_cached_tokens or usage.cache_read_input_tokens or 0


def _written(usage: _Usage, before: _Details | None) -> int:
    told = (before.cache_write_tokens or before.cache_creation_input_tokens) if before is not None else None
    return told or usage.cache_creation_input_tokens or 0


def _thought(usage: _Usage, after: _Details | None) -> int:
    told = after.reasoning_tokens if after is not None else None
    return told or usage.reasoning_tokens or 0


def _of_groq(fields: Fields) -> _Usage | None:
    groq = _decode_groq(fields.raw("x_groq") or b"null") if "x_groq" in fields.spans else None
    return groq.usage if groq else None


def _of_cohere(fields: Fields) -> Usage | None:
    """Tokens of an answer that has `meta` in place of a usage."""
    meta = _value(fields, "meta") if "meta" in fields.spans else None
    billed = usage_in(_within(meta, "billed_units"))
    if billed is not None and not billed.searches:
        return billed
    tokens = usage_in(_within(meta, "tokens"))
    return tokens if billed is None else msgspec.structs.replace(tokens or billed, searches=billed.searches)


def _value(fields: Fields, name: str) -> Any:
    try:
        return msgspec.json.decode(fields.raw(name) or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _within(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _read(value: Any) -> _Usage | None:
    """The counts of an object, each by itself; None for what is no object."""
    if not isinstance(value, dict):
        return None
    names = _Usage.__struct_fields__
    told: dict[str, Any] = {name: (_details if name in DETAILS else _count)(value.get(name)) for name in names}
    told |= {name: _seconds(value.get(name)) for name in SECONDS}
    return _Usage(**told)


def _details(value: Any) -> _Details | None:
    if not isinstance(value, dict):
        return None
    counts: dict[str, Any] = {name: _count(value.get(name)) for name in _Details.__struct_fields__}
    inner = value.get("cached_tokens_details")
    cached = _Cached(_count(inner.get("audio_tokens"))) if isinstance(inner, dict) else None
    return _Details(**{**counts, "cached_tokens_details": cached})


def _seconds(value: Any) -> float | None:
    """A length of sound; None for what is none."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST else None


def _count(value: Any) -> int | None:
    """The number of tokens that a value stands for; None for one that is no count."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST or value != int(value):
        return None
    return int(value)
