"""What do Anthropic's errors mean, how are failures told in its words, and what does it count?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.bytes.patch import fields_of
from providers.canonical.answer import Failure
from providers.errors import (
    CallerError,
    CredentialError,
    ModelNotFound,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.types import Usage, Wire
from providers.wire.anthropic_messages.errors import error_type, failure_in, failure_told
from providers.wire.anthropic_messages.usage import usage_of
from providers.wire.over_http import OVER_HTTP

failure_of = OVER_HTTP[Wire.ANTHROPIC_MESSAGES].failure_of
TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"


def body(kind: str, message: str) -> bytes:
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", TOO_LONG, CallerError),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", QuotaExceeded),
        (401, "authentication_error", "invalid x-api-key", CredentialError),
        (402, "billing_error", "Payment required", QuotaExceeded),
        (403, "permission_error", "Your API key does not have permission.", CredentialError),
        (404, "not_found_error", "model: claude-9", ModelNotFound),
        (409, "conflict_error", "Conflict", CallerError),
        (413, "request_too_large", "Request exceeds the maximum size", CallerError),
        (429, "rate_limit_error", "This request would exceed your rate limit", RateLimited),
        (500, "api_error", "Internal server error", UpstreamFailed),
        (504, "timeout_error", "Timeout", UpstreamTimedOut),
        (529, "overloaded_error", "Overloaded", Overloaded),
    ],
)
def test_error_when_it_is_anthropics_then_it_has_a_meaning(
    status: int, kind: str, message: str, expected: type[ProviderError]
) -> None:
    assert type(failure_of(status, [], body(kind, message))) is expected


@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (413, "request_too_large")])
def test_error_when_it_is_the_clients_then_its_text_status_and_type_stay(status: int, kind: str) -> None:
    error = failure_of(status, [], body(kind, TOO_LONG))
    assert isinstance(error, CallerError)
    assert (error.message, error.upstream_status, error.error_type) == (TOO_LONG, status, kind)


def test_error_when_it_asks_to_come_again_then_that_is_kept() -> None:
    error = failure_of(429, [(b"retry-after", b"12")], body("rate_limit_error", "Slow down"))
    assert (error.retry_after, error.policy.fallback) == (12, True)
    assert failure_of(529, [], body("overloaded_error", "Overloaded")).policy.retry


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Overloaded),
        ("rate_limit_error", RateLimited),
        ("billing_error", QuotaExceeded),
        ("authentication_error", CredentialError),
        ("invalid_request_error", CallerError),
        ("api_error", UpstreamFailed),
        ("timeout_error", UpstreamTimedOut),
    ],
)
def test_error_when_in_a_stream_then_it_has_the_same_meaning(kind: str, expected: type[ProviderError]) -> None:
    failure = failure_in({"type": "error", "error": {"type": kind, "message": "x"}}, Wire.ANTHROPIC_MESSAGES)
    assert failure is not None
    assert type(failure_told(failure)) is expected


def test_failure_when_it_was_not_told_by_an_upstream_then_its_fields_count() -> None:
    assert isinstance(failure_told(Failure(message="x", type="overloaded_error")), Overloaded)


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        ("upstream_overloaded", "overloaded_error", "overloaded_error"),
        (None, "invalid_request_error", "invalid_request_error"),
        ("upstream_idle_timeout", "upstream_timeout", "timeout_error"),
        ("upstream_rate_limited", "rate_limit_error", "rate_limit_error"),
        ("insufficient_quota", "insufficient_quota", "billing_error"),
        ("invalid_api_key", "invalid_request_error", "authentication_error"),
        ("model_not_found", "invalid_request_error", "not_found_error"),
        ("price_unknown", "invalid_request_error", "permission_error"),
        ("upstream_stream_truncated", "upstream_error", "api_error"),
        (None, "", "api_error"),
    ],
)
def test_failure_when_told_then_in_anthropics_words(code: str | None, kind: str, expected: str) -> None:
    assert error_type(code, kind) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "input_tokens": 14,
                "cache_creation_input_tokens": 2,
                "cache_read_input_tokens": 8,
                "output_tokens": 9,
                "output_tokens_details": {"thinking_tokens": 3},
            },
            Usage(24, 9, 8, 3, 2),
        ),
        ({"input_tokens": 14, "output_tokens": 9}, Usage(14, 9)),
        ({"input_tokens": 14, "cache_read_input_tokens": None, "output_tokens_details": None}, Usage(14, 0)),
        ({"output_tokens": 2, "output_tokens_details": {"thinking_tokens": 3}}, Usage(0, 2, 0, 2)),
        ({"input_tokens": -1, "output_tokens": "9", "cache_read_input_tokens": True}, None),
        ({}, None),
        (None, None),
        ([], None),
        (7, None),
    ],
    ids=str,
)
def test_usage_when_of_a_whole_message_then_it_is_counted_once(usage: Any, expected: Usage | None) -> None:
    assert usage_of(fields_of(msgspec.json.encode({"id": "m", "usage": usage}))) == expected


def test_usage_when_there_is_none_then_none() -> None:
    assert usage_of(fields_of(b"{}")) is None
