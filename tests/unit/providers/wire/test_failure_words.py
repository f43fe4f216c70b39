"""Is what a vendor's error means read from its words, whatever its status?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.errors import (
    CallerError,
    CredentialError,
    ModelNotFound,
    Overloaded,
    PromptRefused,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Unsupported,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.wire.openai.errors import failure_in_band, failure_of
from providers.wire.openai.failure_words import TABLES


def openai(message: str = "No.", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


def google(code: int, status: str, message: str = "No.", *details: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def reason(text: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": text}


def violated(quota: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]}


SPOKEN: list[tuple[int, Any, type[ProviderError]]] = [
    # OpenAI
    (429, openai(code="insufficient_quota", type="insufficient_quota"), QuotaExceeded),
    (429, openai("Your account is not active.", code="billing_not_active", type="billing_not_active"), QuotaExceeded),
    (400, openai(code="billing_hard_limit_reached"), QuotaExceeded),
    (401, openai(code="account_deactivated"), CredentialError),
    (400, openai(code="organization_restricted"), CredentialError),
    (403, openai(code="unsupported_country_region_territory", type="request_forbidden"), CredentialError),
    (403, openai("Project p does not have access to model m.", code="model_not_found"), ModelNotFound),
    (400, openai("Your organization must be verified to stream this model.", param="stream"), CredentialError),
    (
        400,
        openai("Your request was rejected by the safety system.", code="moderation_blocked", type="image_generation_user_error"),
        PromptRefused,
    ),
    (400, openai(code="content_policy_violation"), PromptRefused),
    (503, openai("Slow down.", code="slow_down"), Overloaded),
    (500, openai("x", code="context_length_exceeded"), CallerError),
    (404, openai("Invalid URL (POST /v1/chat/complations)"), ModelNotFound),
    (404, openai("The model `m` does not exist", code="model_not_found"), ModelNotFound),
    (404, openai("No such File object: file-1", param="id"), CallerError),
    (404, openai("Response with id 'resp_1' not found."), CallerError),
    (404, openai("Vector store not found: vs_1"), CallerError),
    (404, openai("Item with id 'rs_1' not found."), CallerError),
    (400, openai("Previous response with id 'resp_1' not found.", code="previous_response_not_found"), CallerError),
    # Azure OpenAI
    (
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
        ModelNotFound,
    ),
    (404, {"error": {"code": "404", "message": "Resource not found"}}, ModelNotFound),
    (400, openai("Unknown model: m", code="unknown_model"), ModelNotFound),
    (
        400,
        openai("Filtered.", type=None, code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
        PromptRefused,
    ),
    (401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key"}}, CredentialError),
    (429, {"error": {"code": "429", "message": "Please retry after 20 seconds."}}, RateLimited),
    # Anthropic
    (
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access."}},
        QuotaExceeded,
    ),
    (400, openai("You have reached your specified API usage limits. You will regain access on 2026-12-01."), QuotaExceeded),
    (400, openai("This organization has been disabled."), CredentialError),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, Overloaded),
    (404, {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-0"}}, ModelNotFound),
    (413, {"type": "error", "error": {"type": "request_too_large", "message": "x"}}, CallerError),
    # Google
    (
        400,
        google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason("API_KEY_INVALID")),
        CredentialError,
    ),
    (400, google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), CredentialError),
    (400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), CredentialError),
    (400, google(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum."), CallerError),
    (403, google(403, "PERMISSION_DENIED", "Disabled.", reason("SERVICE_DISABLED")), CredentialError),
    (403, google(403, "PERMISSION_DENIED", "Consumer has been suspended.", reason("CONSUMER_SUSPENDED")), CredentialError),
    (404, google(404, "NOT_FOUND", "models/m is not found for API version v1beta."), ModelNotFound),
    (429, google(429, "RESOURCE_EXHAUSTED", "x", violated("GenerateRequestsPerMinutePerProject")), RateLimited),
    (429, google(429, "RESOURCE_EXHAUSTED", "x", violated("GenerateRequestsPerDayPerProject")), QuotaExceeded),
    (499, google(499, "CANCELLED", "The operation was cancelled."), UpstreamFailed),
    (503, google(503, "UNAVAILABLE", "The model is overloaded."), Overloaded),
    (504, google(504, "DEADLINE_EXCEEDED"), UpstreamTimedOut),
    # Groq
    (413, openai("Request too large for model `m` in organization `o`.", type="tokens", code="rate_limit_exceeded"), RateLimited),
    (400, openai("x", code="model_decommissioned"), ModelNotFound),
    (403, openai("x", code="model_permission_blocked_org", type="permissions_error"), ModelNotFound),
    (400, openai("x", code="tool_use_failed", failed_generation="<f>"), CallerError),
    (400, openai("x", code="blocked_api_access"), QuotaExceeded),
    (498, openai("Flex tier capacity exceeded."), Overloaded),
    # xAI
    (400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: na***ys."}, CredentialError),
    (
        403,
        {"code": "permission-denied", "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"},
        PromptRefused,
    ),
    (403, {"code": "permission-denied", "error": "Your newly created teams doesn't have any credits yet."}, QuotaExceeded),
    (429, {"error": "Your team 1-2 has either used all available credits or reached its monthly spending limit."}, QuotaExceeded),
    (403, {"code": "x", "error": "You have run out of credits or need a subscription."}, QuotaExceeded),
    (404, {"code": "x", "error": "The model m does not exist or your team t does not have access to it."}, ModelNotFound),
    # Ollama
    (400, {"error": '"llama2:7b" does not support tools'}, Unsupported),
    (400, {"error": "raw mode does not support template, system, or context"}, CallerError),
    (400, {"error": "the input length exceeds the context length"}, CallerError),
    (404, {"error": "model 'x' not found"}, ModelNotFound),
    (401, {"error": "unauthorized", "signin_url": "https://ollama.com/connect"}, CredentialError),
    (503, {"error": "server busy, please try again.  maximum pending requests exceeded"}, Overloaded),
    # OpenRouter
    (402, openai("This request requires more credits, or fewer max_tokens."), QuotaExceeded),
    (403, {"error": {"code": 403, "message": "m requires moderation on X. Your input was flagged."}}, PromptRefused),
    (403, {"error": {"code": 403, "message": "No.", "metadata": {"reasons": ["hate"], "flagged_input": "x"}}}, PromptRefused),
    (403, {"error": {"code": 403, "message": "Key limit exceeded (total limit)."}}, QuotaExceeded),
    (404, {"error": {"code": 404, "message": "No endpoints found that support tool use."}}, Unsupported),
    (404, {"error": {"code": 404, "message": "No endpoints found matching your data policy"}}, ModelNotFound),
    (400, {"error": {"code": 400, "message": "m/1 is not a valid model ID"}}, ModelNotFound),
    (408, {"error": {"code": 408, "message": "Timed out"}}, UpstreamTimedOut),
    (502, {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "x"}}}, UpstreamFailed),
    (
        400,
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {"raw": '{"error":{"code":"invalid_api_key"}}'},
            }
        },
        CredentialError,
    ),
    # others
    (402, openai("Insufficient Balance", code="invalid_request_error", type="unknown_error"), QuotaExceeded),
    (400, openai("Model Not Exist"), ModelNotFound),
    (400, openai("Content Exists Risk"), PromptRefused),
    (
        429,
        {"object": "error", "message": "Service tier capacity exceeded for this model.", "type": "invalid_request_error"},
        Overloaded,
    ),
    (429, {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}, RateLimited),
    (400, {"object": "error", "message": "Invalid model: m", "type": "invalid_model", "code": "1500"}, ModelNotFound),
    (429, openai("You have been rate limited.", type="credit_limit"), RateLimited),
    (402, openai("Credit limit exceeded.", type="credit_limit"), QuotaExceeded),
    (400, openai("Unable to access non-serverless model m.", code="model_not_available"), ModelNotFound),
    (412, openai("Account acme-1 is suspended, possibly due to reaching the monthly spending limit."), QuotaExceeded),
    (400, openai("Account acme-1 is suspended, possibly due to reaching the monthly spending limit."), QuotaExceeded),
    (401, {"message": "invalid api token"}, CredentialError),
    (
        429,
        {"message": "Tokens per minute limit exceeded", "type": "too_many_requests_error", "code": "token_quota_exceeded"},
        RateLimited,
    ),
    (429, {"message": "High traffic.", "type": "too_many_requests_error", "code": "queue_exceeded"}, Overloaded),
    (
        400,
        openai("Invalid model 'm'. Permitted models can be found in the documentation.", type="invalid_model", code=400),
        ModelNotFound,
    ),
    (404, {"status": 404, "title": "Not Found", "detail": "Function 'f': Not found for account 'a'"}, ModelNotFound),
    (503, {"error": "Model m is currently loading", "estimated_time": 20.0}, Overloaded),
    (404, {"error": {"message": 'model "m" not found, try pulling it first', "type": "api_error"}}, ModelNotFound),
    (404, {"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404}, ModelNotFound),
    (404, {"detail": "Not Found"}, ModelNotFound),
    (400, openai("Temporary routing error (400)."), UpstreamFailed),
    (400, openai("The service is temporarily unavailable."), Overloaded),
    (400, {"code": "Arrearage", "message": "Access denied."}, QuotaExceeded),
    (400, {"code": "DataInspectionFailed", "message": "x"}, PromptRefused),
    (400, openai("This model's maximum context length is 4096 tokens.", code="context_length_exceeded"), CallerError),
]


@pytest.mark.parametrize(("status", "body", "kind"), SPOKEN)
def test_failure_when_a_vendor_says_so_then_what_it_means(status: int, body: Any, kind: type[ProviderError]) -> None:
    assert type(failure_of(status, [], msgspec.json.encode(body))) is kind


WITHOUT_A_STATUS: list[tuple[dict[str, Any], type[ProviderError]]] = [
    ({"message": "x", "code": "content_filter", "status": 400}, PromptRefused),
    ({"message": "x", "code": "context_length_exceeded"}, CallerError),
    ({"message": "This model's maximum context length is 4096 tokens."}, CallerError),
    ({"message": "x", "type": "BadRequestError"}, CallerError),
    ({"message": "x", "type": "NotFoundError"}, ModelNotFound),
    ({"message": "x", "code": "unsupported_value", "param": "temperature"}, CallerError),
    ({"message": "x", "status": "PERMISSION_DENIED"}, CredentialError),
    ({"message": "x", "code": 403, "metadata": {"reasons": ["hate"]}}, PromptRefused),
    ({"message": "x", "code": "server_error"}, UpstreamFailed),
    ({"message": "x", "type": "authentication_error"}, CredentialError),
]


@pytest.mark.parametrize(("error", "kind"), WITHOUT_A_STATUS)
def test_failure_when_told_in_band_then_what_it_means(error: dict[str, Any], kind: type[ProviderError]) -> None:
    assert type(failure_in_band(error)) is kind


ECHOES = [
    "Invalid type for 'temperature': expected a number, but got 'Incorrect API key provided'.",
    'Unknown parameter: "Your credit balance is too low".',
    "Invalid value: `insufficient_quota`.",
    "Could not parse: Account x is suspended",
    "The value Rate limit exceeded is not one of the enum values",
]


@pytest.mark.parametrize("message", ECHOES)
def test_failure_when_it_repeats_what_the_client_wrote_then_the_clients_own(message: str) -> None:
    assert type(failure_of(400, [], msgspec.json.encode(openai(message)))) is CallerError


def test_refused_prompt_when_told_as_403_then_400_with_the_vendors_words() -> None:
    error = failure_of(403, [], b'{"code":"permission-denied","error":"Content violates usage guidelines."}')
    assert isinstance(error, PromptRefused)
    assert (error.upstream_status, error.upstream_code) == (400, "content_policy_violation")
    assert (error.message, error.error_type) == ("Content violates usage guidelines.", "invalid_request_error")


def test_rows_when_listed_then_each_has_its_source_and_something_to_find_it_by() -> None:
    rows = [row for table in TABLES.values() for row in table]
    assert all(row.source.startswith("https://") for row in rows)
    assert all(bool(row.words) != bool(row.text) for row in rows)
    assert all(word == word.lower() for row in rows for word in row.words.split())


def test_words_when_listed_then_none_has_two_meanings() -> None:
    told: dict[tuple[str, tuple[int, ...]], type[ProviderError]] = {}
    for row in (row for table in TABLES.values() for row in table):
        for word in row.words.split():
            assert told.setdefault((word, row.statuses), row.means) is row.means, word
