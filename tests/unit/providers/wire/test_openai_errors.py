"""Does each way in which an upstream says no become the right failure, without anything that looks like a key?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.errors import (
    CallerError,
    CredentialError,
    FailureClass,
    InvalidResponse,
    ModelNotFound,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.wire.openai.errors import MAX_MESSAGE, failure_in_band, failure_of, scrub


def body_of(message: str = "No.", **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "failure"),
    [
        (204, InvalidResponse, FailureClass.PROTOCOL),
        (301, RedirectRefused, FailureClass.PROTOCOL),
        (307, RedirectRefused, FailureClass.PROTOCOL),
        (400, CallerError, FailureClass.CALLER),
        (401, CredentialError, FailureClass.CREDENTIAL),
        (402, QuotaExceeded, FailureClass.QUOTA),
        (403, CredentialError, FailureClass.CREDENTIAL),
        (404, ModelNotFound, FailureClass.MODEL),
        (405, ModelNotFound, FailureClass.MODEL),
        (408, UpstreamTimedOut, FailureClass.TRANSIENT),
        (412, QuotaExceeded, FailureClass.QUOTA),
        (413, CallerError, FailureClass.CALLER),
        (422, CallerError, FailureClass.CALLER),
        (425, Overloaded, FailureClass.OVERLOAD),
        (429, RateLimited, FailureClass.RATE_LIMIT),
        (498, Overloaded, FailureClass.OVERLOAD),
        (499, UpstreamFailed, FailureClass.TRANSIENT),
        (500, UpstreamFailed, FailureClass.TRANSIENT),
        (502, UpstreamFailed, FailureClass.TRANSIENT),
        (503, Overloaded, FailureClass.OVERLOAD),
        (504, UpstreamTimedOut, FailureClass.TRANSIENT),
        (520, UpstreamFailed, FailureClass.TRANSIENT),
        (524, UpstreamTimedOut, FailureClass.TRANSIENT),
        (529, Overloaded, FailureClass.OVERLOAD),
        (599, UpstreamFailed, FailureClass.TRANSIENT),
    ],
)
def test_failure_when_the_status_says_so_then_of_this_class(
    status: int, kind: type[ProviderError], failure: FailureClass
) -> None:
    error = failure_of(status, [], body_of())
    assert type(error) is kind
    assert error.failure is failure
    assert error.upstream_status == status


@pytest.mark.parametrize(("status", "public"), [(400, 400), (422, 422), (418, 418), (451, 451), (419, 400), (407, 400)])
def test_caller_error_when_passed_through_then_only_known_statuses_are_kept(status: int, public: int) -> None:
    assert failure_of(status, [], body_of()).upstream_status == public


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"code": "insufficient_quota"}, QuotaExceeded),
        ({"type": "insufficient_quota"}, QuotaExceeded),
        ({"type": "insufficient_quota", "code": "other"}, QuotaExceeded),
        ({"code": "credit_balance_exhausted"}, QuotaExceeded),
        ({"code": "billing_hard_limit_reached"}, QuotaExceeded),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, RateLimited),
        ({"code": None, "type": None}, RateLimited),
        ({}, RateLimited),
    ],
)
def test_too_many_requests_when_the_error_names_the_quota_then_quota_exceeded(
    fields: dict[str, Any], kind: type[ProviderError]
) -> None:
    assert type(failure_of(429, [], body_of(**fields))) is kind


@pytest.mark.parametrize("status", [429, 503, 500])
def test_failure_when_a_pause_is_asked_for_then_kept(status: int) -> None:
    assert failure_of(status, [(b"retry-after", b"7")], b"").retry_after == 7.0
    assert failure_of(status, [], b"").retry_after is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(body_of("Bad."), "Bad.", id="OpenAI"),
        pytest.param(b'[{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT"}}]', "Bad.", id="Gemini's array"),
        pytest.param(b'{"error":"Bad."}', "Bad.", id="text"),
        pytest.param(b'{"message":"Bad."}', "Bad.", id="message"),
        pytest.param(b'{"detail":"Bad."}', "Bad.", id="detail"),
        pytest.param(b'{"error":null,"message":"Bad."}', "Bad.", id="null and message"),
        pytest.param(b'{"detail":[{"loc":["body"],"msg":"Bad."}]}', '[{"loc":["body"],"msg":"Bad."}]', id="validation list"),
        pytest.param(b'{"object":"error","message":"Bad.","type":"BadRequestError","code":400}', "Bad.", id="vLLM"),
        pytest.param(b"<html><h1>400</h1></html>", "The provider refused the request.", id="HTML"),
        pytest.param(b"", "The provider refused the request.", id="nothing"),
        pytest.param(b"\xff\xfe", "The provider refused the request.", id="not UTF-8"),
        pytest.param(b"[]", "The provider refused the request.", id="empty array"),
        pytest.param(b'"text"', "The provider refused the request.", id="a JSON string"),
        pytest.param(b"[" * 100_000, "The provider refused the request.", id="100,000 levels"),
        pytest.param(body_of("x" * 5000), "x" * MAX_MESSAGE, id="long"),
    ],
)
def test_caller_error_when_the_body_has_this_form_then_its_text_is_found(body: bytes, message: str) -> None:
    error = failure_of(400, [], body)
    assert isinstance(error, CallerError)
    assert error.message == message


def test_caller_error_when_all_fields_are_given_then_kept() -> None:
    error = failure_of(400, [], body_of("No.", type="t", code="context_length_exceeded", param="messages"))
    assert isinstance(error, CallerError)
    assert (error.error_type, error.upstream_code, error.param) == ("t", "context_length_exceeded", "messages")


def test_caller_error_when_fields_are_missing_or_odd_then_harmless() -> None:
    error = failure_of(400, [], body_of("No.", type=None, code=17, param=["a"]))
    assert isinstance(error, CallerError)
    assert (error.error_type, error.upstream_code, error.param) == ("invalid_request_error", "17", None)


KEYS = [
    "sk-proj-abcdefghijklmnop",
    "sk-ant-REDACTED",
    "sk-abc*****wxyz",
    "xai-abcdefghijkl",
    "gsk_abcdefghijkl",
    "nvapi-abcdefghijkl",
    "pplx-abcdefghijkl",
    "hf_abcdefghijkl",
    "AIzaSyA-abcdefghijklmn",
    "fw_3Zabcdefghij",
    "csk-abcdefghijkl",
    "Bearer eyJhbGciOi.abc.def",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_failure_when_the_upstream_echoes_a_key_then_scrubbed_everywhere(status: int, key: str) -> None:
    error = failure_of(status, [], body_of(f"Incorrect API key provided: {key}. Look at https://example.com/keys."))
    shown = f"{error} {error!r} {error.detail} {error.public_message} {getattr(error, 'message', '')}"
    assert key.removeprefix("Bearer ")[:12] not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text", ["The model `gpt-4o` does not exist.", "max_tokens is too large: 5000", "Invalid 'messages[0].role'"]
)
def test_message_when_it_holds_no_key_then_unchanged(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ({"type": "overloaded_error", "message": "busy"}, Overloaded, "busy"),
        ({"code": "server_overloaded", "message": "busy"}, Overloaded, "busy"),
        ({"type": "rate_limit_error", "message": "slow"}, RateLimited, "slow"),
        ({"code": "rate_limit_exceeded"}, RateLimited, ""),
        ({"type": "insufficient_quota"}, QuotaExceeded, ""),
        ({"code": "invalid_api_key", "message": "sk-abcdefghijkl"}, CredentialError, "***"),
        ({"type": "server_error", "message": "oops"}, UpstreamFailed, "oops"),
        ({"message": "oops"}, UpstreamFailed, "oops"),
        ({"code": 429}, RateLimited, ""),
        ({"code": 503, "type": "x"}, Overloaded, ""),
        ({"code": 200, "message": "oops"}, UpstreamFailed, "oops"),
    ],
)
def test_error_event_when_read_then_of_this_class_with_its_words(
    error: dict[str, Any], kind: type[ProviderError], said: str
) -> None:
    failure = failure_in_band(error)
    assert type(failure) is kind
    assert failure.said == said
    assert failure.public_message.endswith(said)


@pytest.mark.parametrize("error", [{"type": "invalid_request_error", "message": "Bad."}, {"code": 400, "message": "Bad."}])
def test_error_event_when_the_request_is_at_fault_then_caller_error(error: dict[str, Any]) -> None:
    failure = failure_in_band(error)
    assert isinstance(failure, CallerError)
    assert failure.message == "Bad."
    assert failure.upstream_status == 400
