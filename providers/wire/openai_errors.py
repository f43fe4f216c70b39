"""What does an upstream's error answer mean? From status, headers and an OpenAI error object to a `ProviderError`.

Format: `{"error": {"message", "type", "param", "code"}}`; Gemini's OpenAI endpoint wraps it in an array, others send
`{"message"}`, `{"detail"}` or `{"error": "text"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.errors import (
    CallerError,
    CredentialError,
    InvalidResponse,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.retry import retry_after_of
from providers.transport import Headers

MAX_MESSAGE = 2000
SECRET = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|nvapi|csk|fw|pplx|hf|tgp|r8)[-_][\w\-*.]{8,}|\bAIza[\w\-*.]{8,}|\bBearer\s+\S+", re.IGNORECASE
)
QUOTA_CODES = frozenset({"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"})
CALLER_STATUSES = frozenset({400, 404, 405, 406, 409, 410, 411, 413, 414, 415, 416, 417, 418, 421, 422, 424, 428, 431, 451})
BY_STATUS: Mapping[int, type[ProviderError]] = MappingProxyType(
    {401: CredentialError, 402: QuotaExceeded, 403: CredentialError, 408: UpstreamTimedOut, 425: Overloaded,
     429: RateLimited, 503: Overloaded, 504: UpstreamTimedOut, 524: UpstreamTimedOut, 529: Overloaded}
)  # fmt: skip
BY_WORD: Mapping[str, type[ProviderError]] = MappingProxyType(
    {
        "overloaded_error": Overloaded,
        "overloaded": Overloaded,
        "server_overloaded": Overloaded,
        "rate_limit_error": RateLimited,
        "rate_limit_exceeded": RateLimited,
        "insufficient_quota": QuotaExceeded,
        "authentication_error": CredentialError,
        "invalid_api_key": CredentialError,
    }
)


def failure_of(status: int, headers: Headers, body: bytes) -> ProviderError:
    """The error that an answer other than 200 stands for; its text is scrubbed of anything that looks like a key."""
    error = error_object(body)
    detail = f"status {status}: {scrub(message_of(error))[:200]}"
    if 300 <= status < 400:
        return RedirectRefused(detail, upstream_status=status)
    if status < 300:
        return InvalidResponse(detail, upstream_status=status)
    kind = BY_STATUS.get(status)
    if kind is RateLimited and not QUOTA_CODES.isdisjoint({text(error, "code"), text(error, "type")}):
        kind = QuotaExceeded
    if kind is None and status < 500:
        return caller_error(status if status in CALLER_STATUSES else 400, error)
    kind = kind or UpstreamFailed
    return kind(detail, retry_after=retry_after_of(headers), upstream_status=status)


def failure_in_band(error: Mapping[str, Any]) -> ProviderError:
    """The error that an error event, or an error object in an answer of status 200, stands for."""
    detail = f"in-band error: {scrub(message_of(error))[:200]}"
    number = error.get("code")
    if isinstance(number, int) and 400 <= number < 600:
        return failure_of(number, [], msgspec.json.encode({"error": error}))
    kind = BY_WORD.get(text(error, "type") or "") or BY_WORD.get(text(error, "code") or "")
    if kind is None and text(error, "type") == "invalid_request_error":
        return caller_error(400, error)
    return (kind or UpstreamFailed)(detail, said=scrub(message_of(error))[:MAX_MESSAGE])


def caller_error(status: int, error: Mapping[str, Any]) -> CallerError:
    """The upstream's own words, scrubbed, for the client."""
    message = scrub(message_of(error))[:MAX_MESSAGE] or "The provider refused the request."
    kind = text(error, "type") or "invalid_request_error"
    return CallerError(status, message, error_type=kind, code=text(error, "code"), param=text(error, "param"))


def error_object(body: bytes) -> Mapping[str, Any]:
    """The error object of an answer, `{}` when there is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    error = value.get("error") or value
    return error if isinstance(error, dict) else {"message": error}


def message_of(error: Mapping[str, Any]) -> str:
    """The text of an error object, "" when it has none."""
    for name in ("message", "detail", "error"):
        value = error.get(name)
        if value:
            return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return ""


def text(error: Mapping[str, Any], name: str) -> str | None:
    value = error.get(name)
    return None if value is None or isinstance(value, dict | list) else str(value)


def scrub(message: str) -> str:
    """The text without anything that looks like a key."""
    return SECRET.sub("***", message)
