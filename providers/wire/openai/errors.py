"""What does an upstream's error mean? From status, headers and an error object to a `ProviderError`.

Words go before the status: `failure_words.py` has them; `error_object.py` reads the many spellings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.errors import (
    CallerError,
    CredentialError,
    InvalidResponse,
    ModelNotFound,
    Overloaded,
    PromptRefused,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.retry import retry_after_of
from providers.transport import Headers
from providers.wire.openai.error_object import Told, encoded, told_by, told_in, with_texts
from providers.wire.openai.failure_words import IN_BAND, TABLES, Meaning, Row

MAX_MESSAGE = 2000
SECRET = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|nvapi|csk|fw|pplx|hf|tgp|r8)[-_][\w\-*.]{8,}|\b(?:AIza|ya29\.)[\w\-*.]{8,}|\bBearer\s+\S+",
    re.IGNORECASE,
)
CALLER_STATUSES = frozenset({400, 404, 405, 406, 409, 410, 411, 413, 414, 415, 416, 417, 418, 421, 422, 424, 428, 431, 451})
BY_STATUS: Mapping[int, Meaning] = MappingProxyType(
    {401: CredentialError, 402: QuotaExceeded, 403: CredentialError, 404: ModelNotFound, 405: ModelNotFound,
     408: UpstreamTimedOut, 410: ModelNotFound, 412: QuotaExceeded, 425: Overloaded, 429: RateLimited, 498: Overloaded,
     499: UpstreamFailed, 503: Overloaded, 504: UpstreamTimedOut, 524: UpstreamTimedOut, 529: Overloaded}
)  # fmt: skip
"""412 is Fireworks' for an account that is suspended: the gateway sends no precondition. 498 is Groq's for a tier without
capacity, 499 Google's for what it has cancelled itself. 404, 405 and 410 are about what the operator named; see `_is_clients`."""
QUOTED = re.compile(r"""`[^`]*`|"[^"]*"|'[^']*'|\S*/\S*""")
CLIENTS_THING = re.compile(
    r"(?:^|\b(?:no|such|find|the|this|your)\s+)(?:previous[ _])?(?:file|response|conversation|vector store|thread|container|item"
    r"|upload|prompt|image|url|document|voice|cached ?content|skill|video|audio)s?\b",
    re.IGNORECASE,
)
"""What a message of 404 says first of something that the client has named."""
OPERATORS = frozenset({"model", "deployment", "engine"})
REFUSED_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked", "safety_violation"})
_ROWS: tuple[tuple[Row, frozenset[str], tuple[str, ...], re.Pattern[str] | None], ...] = tuple(
    (
        row,
        frozenset(row.words.split()),
        tuple(word[:-1] for word in row.words.split() if word.endswith("*")),
        re.compile(row.text, re.IGNORECASE | re.DOTALL) if row.text else None,
    )
    for rows in TABLES.values()
    for row in rows
)


def failure_of(status: int, headers: Headers, body: bytes, *, named_by_client: bool = False) -> ProviderError:
    """The error that an answer of no good status stands for; its text is scrubbed of anything that looks like a key.
    `named_by_client` says that the path itself names something of the client's, which 404 is then about."""
    told = told_by(body)
    if 300 <= status < 400:
        return RedirectRefused(_detail(status, told), upstream_status=status)
    if status < 300:
        return InvalidResponse(_detail(status, told), upstream_status=status)
    kind = meaning(status, told)
    if kind is ModelNotFound and named_by_client and not _names_model(told):
        kind = CallerError
    if issubclass(kind, CallerError):
        return caller_error(kind, status, told)
    return kind(_detail(status, told), retry_after=retry_after_of(headers) or told.retry_after, upstream_status=status)


def failure_in_band(error: Any) -> ProviderError:
    """The error that an error event, or an error in an answer of a good status, stands for: decoded JSON."""
    told = told_in(error)
    kind = meaning(told.status or IN_BAND, told)
    if issubclass(kind, CallerError):
        return caller_error(kind, told.status or 400, told)
    return kind(
        _detail(told.status, told),
        said=scrub(told.message)[:MAX_MESSAGE],
        more=scrubbed(told.more),
        retry_after=told.retry_after,
        upstream_status=told.status,
    )


def meaning(status: int, told: Told) -> Meaning:
    """What an error means, by its words and then by its status, `IN_BAND` where it has none."""
    words = frozenset(told.words)
    said = QUOTED.sub("", told.message[:MAX_MESSAGE]).strip()
    for row, exact, starts, text in _ROWS:
        if row.statuses and status not in row.statuses:
            continue
        if not exact.isdisjoint(words) or any(word.startswith(starts) for word in words) or (text and text.match(said)):
            return row.means
    kind = BY_STATUS.get(status)
    if kind is ModelNotFound and _is_clients(told, said):
        return CallerError
    return kind or (CallerError if 400 <= status < 500 else UpstreamFailed)


def caller_error(kind: type[CallerError], status: int, told: Told) -> CallerError:
    """The upstream's own words, scrubbed, for the client. A refused prompt is told as OpenAI tells it."""
    code = told.code
    if kind is PromptRefused:
        status, code = 400, code if code in REFUSED_CODES else "content_policy_violation"
    return kind(
        status if status in CALLER_STATUSES else 400,
        scrub(told.message)[:MAX_MESSAGE] or "The provider refused the request.",
        error_type=scrub(told.type or "invalid_request_error"),
        code=scrub(code) if code else code,
        param=scrub(told.param) if told.param else told.param,
        more=scrubbed(told.more),
    )


def _is_clients(told: Told, said: str) -> bool:
    """Whether a 404 is about something that the client has named: a file, a response. All else is the operator's: the model,
    the deployment, the path."""
    if told.param and told.param not in OPERATORS:
        return True
    return not _names_model(told) and CLIENTS_THING.search(said) is not None


def _names_model(told: Told) -> bool:
    return told.param in OPERATORS or any(thing in word for word in told.words for thing in OPERATORS)


def _detail(status: int | None, told: Told) -> str:
    """For the log: the message, and the further fields, where some vendors hide the reason."""
    more = f" {encoded(told.more)}" if told.more else ""
    return f"{f'status {status}' if status else 'in-band error'}: {scrub(told.message)[:200]}{scrub(more)[:200]}"


def scrub(message: str) -> str:
    """The text without anything that looks like a key."""
    return SECRET.sub("***", message)


def scrubbed(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Decoded JSON without anything that looks like a key."""
    return with_texts(fields, scrub) if fields else fields
