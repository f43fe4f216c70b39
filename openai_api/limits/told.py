"""What is a client told of its limits? Headers in the form of its dialect, and an error that names the limit it has reached.

`x-ratelimit-*` is OpenAI's form (platform.openai.com/docs/guides/rate-limits), with Go's durations; `anthropic-ratelimit-*` is
Anthropic's (platform.claude.com/docs/en/api/rate-limits), with times as RFC 3339 has them. Both tell of the limit that ends
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from types import MappingProxyType
from typing import NamedTuple

from models_catalog.bounds import Counted, Each, LimitRule
from models_catalog.snapshot import Owner
from openai_api.errors import ApiError, Headers
from openai_api.limits.store import NEVER
from providers.types import Wire

LOCAL: Headers = ((b"x-gateway-limits", b"local"),)
"""Each worker counts its share, as what they share is away."""
WINDOWS: Mapping[int, str] = MappingProxyType({1: "second", 60: "minute", 3600: "hour", 86400: "day"})


class Tight(NamedTuple):
    """The limit of a kind that ends first: what it is, what is left of it, and when all of it will be."""

    limit: int
    left: int
    reset_ms: int


Head = Callable[[Tight | None, Tight | None], Headers]
"""The headers of a limit of requests and one of tokens."""


def duration(ms: int) -> bytes:
    """As Go writes it, in whole seconds from the first on: `12ms`, `1s`, `6m0s`, `1h0m0s`. Never less than it is."""
    if ms < 1000:
        return b"%dms" % ms if ms else b"0s"
    return _whole(-(-ms // 1000))


@lru_cache(4096)
def _whole(seconds: int) -> bytes:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return b"%dh%dm%ds" % (hours, minutes, seconds)
    return b"%dm%ds" % (minutes, seconds) if minutes else b"%ds" % seconds


def openai_head(requests: Tight | None, tokens: Tight | None) -> Headers:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`."""
    head: Headers = ()
    if requests is not None:
        head = (
            (b"x-ratelimit-limit-requests", b"%d" % requests.limit),
            (b"x-ratelimit-remaining-requests", b"%d" % requests.left),
            (b"x-ratelimit-reset-requests", duration(requests.reset_ms)),
        )
    if tokens is not None:
        head += (
            (b"x-ratelimit-limit-tokens", b"%d" % tokens.limit),
            (b"x-ratelimit-remaining-tokens", b"%d" % tokens.left),
            (b"x-ratelimit-reset-tokens", duration(tokens.reset_ms)),
        )
    return head


def anthropic_head(requests: Tight | None, tokens: Tight | None) -> Headers:
    """`anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`: a limit of tokens is one of
    those in and out together, so neither of them may be more."""
    head: Headers = ()
    if requests is not None:
        head = _anthropic(b"requests", requests)
    if tokens is not None:
        for kind in (b"tokens", b"input-tokens", b"output-tokens"):
            head += _anthropic(kind, tokens)
    return head


def _anthropic(kind: bytes, tight: Tight) -> Headers:
    reset = datetime.fromtimestamp(-(-(time() * 1000 + tight.reset_ms) // 1000), UTC)
    return (
        (b"anthropic-ratelimit-%b-limit" % kind, b"%d" % tight.limit),
        (b"anthropic-ratelimit-%b-remaining" % kind, b"%d" % tight.left),
        (b"anthropic-ratelimit-%b-reset" % kind, reset.strftime("%Y-%m-%dT%H:%M:%SZ").encode("ascii")),
    )


HEADS: Mapping[Wire, Head] = MappingProxyType({Wire.ANTHROPIC_MESSAGES: anthropic_head})
"""Wires whose clients read other headers than OpenAI's."""


class Refused(NamedTuple):
    """A limit that refuses: so much is used of it, and so much was wanted. It may be had after `wait_ms`."""

    rule: LimitRule
    used: int
    wanted: int
    wait_ms: int


def refusal(refused: Sequence[Refused], owner: Owner, head: Headers) -> ApiError:
    """429 `rate_limit_exceeded`, of the limit that has to be waited for longest."""
    worst = max(refused, key=lambda one: (one.wait_ms == NEVER, one.wait_ms))
    reached = f"for {subject(worst.rule, owner)} on {what(worst.rule)}: limit {worst.rule.amount}"
    if worst.wait_ms == NEVER:
        message = f"Request too large {reached}, requested {worst.wanted}. It can never be admitted: ask for fewer tokens."
        headers: Headers = ((b"x-should-retry", b"false"),)
    else:
        again = duration(worst.wait_ms).decode()
        message = f"Rate limit reached {reached}, used {worst.used}, requested {worst.wanted}. Please try again in {again}."
        seconds = -(-worst.wait_ms // 1000)
        headers = (b"retry-after", b"%d" % seconds), (b"retry-after-ms", b"%d" % worst.wait_ms)
    return ApiError(429, "rate_limit_exceeded", message, kind="rate_limit_error", headers=(*headers, *head))


def what(rule: LimitRule) -> str:
    """What a rule counts, like "tokens per minute"."""
    if rule.counted is Counted.CONCURRENT:
        return "concurrent requests"
    return f"{rule.counted} per {WINDOWS.get(rule.window_s) or f'{rule.window_s} seconds'}"


def subject(rule: LimitRule, owner: Owner) -> str:
    """Whose limit it is, as the client may know it, like "this key" or "each key of project 'app'"."""
    names = {"person": owner.person, "project": owner.project, "tenant": owner.tenant, "model": rule.subject}
    named = "this key" if rule.scope == "key" else f"{rule.scope} {names.get(rule.scope, '')!r}"
    return named if rule.each is Each.ALL else f"each {rule.each} of {named}"
