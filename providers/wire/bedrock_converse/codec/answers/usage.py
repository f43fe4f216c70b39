"""What did an answer use? Tokens as Bedrock tells them, in and out.

Format: `bedrock-runtime` of botocore 1.44.8, `TokenUsage`: what comes from the cache and goes to it is no part of `inputTokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.patch import Fields
from providers.canonical.answer import Used
from providers.canonical.extra import Json, Place
from providers.types import Usage
from providers.wire.bedrock_converse.codec.words import own

INPUT, OUTPUT, TOTAL = "inputTokens", "outputTokens", "totalTokens"
READ, WRITTEN, DETAILS = "cacheReadInputTokens", "cacheWriteInputTokens", "cacheDetails"
LIVES: Mapping[str, str] = MappingProxyType({"5m": "cache_write_5m", "1h": "cache_write_1h"})


def used_in(value: Any, place: Place = ()) -> Used | None:
    """What was used, None if nothing is told."""
    if not isinstance(value, dict):
        return None
    total = value.get(TOTAL)
    told = total if _is_number(total) else None
    return Used(
        tokens=tokens_in(value),
        details=_details(value),
        total=told,
        place=place,
        extra=own.extra_of({}, spelled={"usage": value}),
    )


def tokens_in(value: Json) -> Usage:
    """The tokens, in the gateway's spelling."""
    fresh, output, read, written = (_number(value.get(name)) for name in (INPUT, OUTPUT, READ, WRITTEN))
    kept = min(_details(value).get("cache_write_1h", 0), written)
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=output,
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=kept,
    )


def _details(value: Json) -> Mapping[str, int]:
    given = value.get(DETAILS)
    found = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    lives = ((str(one.get("ttl")), _number(one.get(INPUT))) for one in found)
    return {LIVES[ttl]: tokens for ttl, tokens in lives if ttl in LIVES}


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


def _number(value: Any) -> int:
    return value if _is_number(value) else 0


def usage_json(used: Used) -> Json:
    """What was used, as it came, or as Bedrock would tell what another wire has told."""
    came = own.spelled(used.extra, "usage")
    if came is not None and tokens_in(came) == used.tokens:
        return dict(came)
    tokens = used.tokens
    fresh = max(tokens.input_tokens - tokens.cached_tokens - tokens.cache_write_tokens, 0)
    total = used.total if used.total is not None else tokens.input_tokens + tokens.output_tokens
    made: Json = {INPUT: fresh, OUTPUT: tokens.output_tokens, TOTAL: total}
    said = {READ: tokens.cached_tokens, WRITTEN: tokens.cache_write_tokens}
    made |= {name: value for name, value in said.items() if value}
    details = [{"ttl": ttl, INPUT: used.details[name]} for ttl, name in LIVES.items() if used.details.get(name)]
    return made | ({DETAILS: details} if details else {})


def usage_of(fields: Fields) -> Usage | None:
    """What a whole answer says was used, found without decoding the rest of it."""
    try:
        given = msgspec.json.decode(fields.raw("usage") or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(given, dict) or not any(_is_number(given.get(name)) for name in (INPUT, OUTPUT, READ, WRITTEN)):
        return None
    return tokens_in(given)
