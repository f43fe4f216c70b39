"""Is an answer that holds nothing, or an error, told from one that holds what was asked for?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.bytes.patch import fields_of
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
    UpstreamFailed,
)
from providers.wire.openai.good_answer import (
    answer_of,
    error_in,
    failure_in_event,
    failure_in_text,
    failure_in_whole,
    pictures_in,
)

MESSAGE = {"role": "assistant", "content": "Hi"}
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("choices", {"choices": [{"message": MESSAGE, "finish_reason": "stop"}]}),
    ("choices", {"choices": [{"message": MESSAGE, "finish_reason": "content_filter"}], "error": None}),
    ("choices", {"choices": [{"message": {"content": 'they say "error" and "insufficient_system_resource"'}}]}),
    ("choices", {"choices": [{"message": MESSAGE}], "error": {}, "base_resp": {"status_code": 0, "status_msg": ""}}),
    ("choices", {"choices": [{"message": MESSAGE}], "error": {"code": 0, "message": ""}}),
    ("choices", {"choices": [{"text": ""}]}),
    ("data", {"data": [{"embedding": [0.5]}], "message": "beside"}),
    ("results", {"results": [{"flagged": False}]}),
    ("text", {"text": ""}),
    ("output", {"output": [], "status": "incomplete", "error": None}),
    ("output", {"output": [], "status": "queued"}),
    ("object", {"object": "response", "status": "failed", "error": {"code": "server_error", "message": "x"}}),
]
BAD: list[tuple[str, dict[str, Any], type[ProviderError]]] = [
    ("choices", {"choices": None, "error": {"message": "busy", "type": "server_error", "code": 503}}, Overloaded),
    ("choices", {"choices": None}, InvalidResponse),
    ("choices", {"choices": []}, InvalidResponse),
    ("choices", {"choices": [{}]}, InvalidResponse),
    ("choices", {"choices": [{"message": None}]}, InvalidResponse),
    ("choices", {"choices": "none"}, InvalidResponse),
    ("choices", {"choices": [{"message": MESSAGE, "finish_reason": "error"}]}, UpstreamFailed),
    ("choices", {"choices": [{"message": MESSAGE, "finish_reason": "error", "error": {"code": 429}}]}, RateLimited),
    ("choices", {"choices": [{"message": MESSAGE, "finish_reason": "insufficient_system_resource"}]}, Overloaded),
    ("choices", {"choices": [{"message": MESSAGE}], "error": {"message": "no", "code": 401}}, CredentialError),
    ("choices", {"detail": "Not authenticated", "status_code": 401}, CredentialError),
    ("choices", {"message": "Model is overloaded", "code": 503}, Overloaded),
    ("choices", {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, QuotaExceeded),
    ("choices", {"success": False, "errors": [{"code": 429, "message": "slow"}]}, RateLimited),
    ("choices", {"error": {"error": {"message": "x", "code": "model_not_found"}}}, ModelNotFound),
    ("choices", {"error": "Rate limit exceeded", "status": 429}, RateLimited),
    ("choices", {"error": {"message": "x"}, "status_code": "429"}, RateLimited),
    ("data", {"data": None}, InvalidResponse),
    ("data", {"data": []}, InvalidResponse),
    ("data", {"data": [], "error": {"code": "content_filter", "message": "x", "status": 400}}, PromptRefused),
    ("results", {"results": None, "error": "x"}, UpstreamFailed),
    ("text", {"text": None}, InvalidResponse),
    ("output", {"output": None, "status": "failed", "error": {"code": "server_error", "message": "x"}}, UpstreamFailed),
    ("output", {"output": [], "status": "failed", "error": {"code": "invalid_prompt", "message": "x"}}, CallerError),
    ("output", {"output": [], "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "x"}}, RateLimited),
    ("output", {"output": [], "status": "failed", "error": None}, UpstreamFailed),
    ("output", {"output": None, "status": "completed"}, InvalidResponse),
    ("object", {"object": "error", "message": "x", "code": 401}, CredentialError),
]


@pytest.mark.parametrize(("field", "answer"), GOOD)
def test_answer_when_it_holds_what_was_asked_for_then_its_fields(field: str, answer: dict[str, Any]) -> None:
    assert answer_of(msgspec.json.encode(answer), field).raw(field) == msgspec.json.encode(answer[field])


@pytest.mark.parametrize(("field", "answer", "kind"), BAD)
def test_answer_when_it_holds_nothing_then_the_error_it_carries(
    field: str, answer: dict[str, Any], kind: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as raised:
        answer_of(msgspec.json.encode(answer), field)
    assert type(raised.value) is kind


def test_answer_when_it_is_a_list_with_an_error_then_that_error() -> None:
    with pytest.raises(CredentialError):
        answer_of(b'[{"error":{"code":401,"message":"x"}}]', "choices")


LEGAL_EVENTS: list[dict[str, Any]] = [
    {"choices": [], "usage": {"prompt_tokens": 1}},
    {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    {"choices": [{"index": 0, "delta": {"content": 'an "error"'}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]},
    {"type": "ping", "message": "still here"},
    {"type": "response.output_text.delta", "delta": "x", "message": "x"},
    {"type": "response.created", "response": {"error": None}, "error": None},
    {"x_groq": {"id": "req_1"}},
]
ERROR_EVENTS: list[tuple[dict[str, Any], type[ProviderError], str]] = [
    ({"object": "error", "message": "full", "type": "service_tier_capacity_exceeded", "code": "3505"}, Overloaded, "full"),
    ({"object": "error", "message": "long", "type": "BadRequestError", "code": 400}, CallerError, "long"),
    ({"type": "error", "code": "rate_limit_exceeded", "message": "slow", "sequence_number": 3}, RateLimited, "slow"),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, Overloaded, "busy"),
    ({"error": "plain"}, UpstreamFailed, "plain"),
    ({"error": ["listed"]}, UpstreamFailed, "listed"),
    ({"error": 429}, RateLimited, ""),
    ({"error": {"code": "429", "message": "slow"}}, RateLimited, "slow"),
    ({"error": {"status": 503, "message": "busy"}}, Overloaded, "busy"),
    ({"error": {"error": {"message": "deep", "status_code": 401}}}, CredentialError, "deep"),
    ({"detail": "Not here"}, UpstreamFailed, "Not here"),
    ({"detail": [{"loc": ["body", "x"], "msg": "bad"}], "status_code": 422}, CallerError, ""),
    ({"message": "slow", "code": 429}, RateLimited, "slow"),
    ({"errors": [{"message": "first"}, {"message": "second"}]}, UpstreamFailed, "first"),
    ({"choices": [{"delta": {}, "finish_reason": "error"}]}, UpstreamFailed, ""),
    ({"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "gone"}}]}, UpstreamFailed, "gone"),
    ({"choices": [], "error": {"code": "content_filter", "message": "no", "status": 400}}, CallerError, "no"),
    ({"x_groq": {"id": "req_1", "error": "over capacity"}}, UpstreamFailed, "over capacity"),
]


@pytest.mark.parametrize("event", LEGAL_EVENTS)
def test_event_when_legal_then_no_error(event: dict[str, Any]) -> None:
    assert error_in(fields_of(msgspec.json.encode(event))) is None


@pytest.mark.parametrize(("event", "kind", "said"), ERROR_EVENTS)
def test_event_when_an_error_in_any_spelling_then_that_error(event: dict[str, Any], kind: type[ProviderError], said: str) -> None:
    error = error_in(fields_of(msgspec.json.encode(event)))
    assert isinstance(error, kind)
    assert said in (error.message if isinstance(error, CallerError) else error.said)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"rate limit exceeded", RateLimited),
        (b'{"code":401,"message":"no"}', CredentialError),
        (b'"text"', UpstreamFailed),
        (b"", UpstreamFailed),
    ],
)
def test_event_when_named_error_then_an_error_whatever_it_says(data: bytes, kind: type[ProviderError]) -> None:
    assert type(failure_in_event(data)) is kind


@pytest.mark.parametrize(
    ("data", "found"),
    [(b'{"error":{"code":429}}', True), (b'[{"error":{"code":429}}]', True), (b"data: x", False), (b"{", False)],
)
def test_stream_when_it_is_one_value_then_its_error(data: bytes, found: bool) -> None:
    assert (failure_in_whole(data) is not None) is found


@pytest.mark.parametrize("data", [b"[1,2]", b"[]", b"[DONE]", b"null", b"x", b'[{"a":1}]'])
def test_text_when_it_is_no_list_of_errors_then_none(data: bytes) -> None:
    assert failure_in_text(data) is None


@pytest.mark.parametrize(
    ("data", "there"),
    [
        (b'[{"url":"https://h/1.png"}]', True),
        (b'[{},{"b64_json":"AA=="}]', True),
        (b"[{}]", False),
        (b'[{"url":null,"b64_json":""}]', False),
        (b"[null]", False),
    ],
)
def test_pictures_when_counted_then_those_that_are_there(data: bytes, there: bool) -> None:
    assert pictures_in(data) is there


@pytest.mark.parametrize("error", [b"null", b"false", b'""', b"{}", b"[]", b"0", b"{ }"])
def test_error_when_falsy_then_none(error: bytes) -> None:
    assert error_in(fields_of(b'{"error":' + error + b"}")) is None


@pytest.mark.parametrize("error", [b'"x"', b'{"message":"x"}', b"true", b'["x"]', b"1"])
def test_error_when_truthy_then_an_error(error: bytes) -> None:
    assert isinstance(error_in(fields_of(b'{"error":' + error + b"}")), ProviderError)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"choices":[', b"[]", b'{"id":"x"}', b'{"error":null}', b'{"choices":[{}],"choices":[{}]}']
)
def test_completion_when_it_is_none_then_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        answer_of(body, "choices")


def test_completion_when_an_error_stands_in_its_place_then_that_error() -> None:
    with pytest.raises(Overloaded):
        answer_of(b'{"error":{"type":"overloaded_error"}}', "choices")


def test_completion_when_it_has_choices_then_its_fields() -> None:
    body = b'{"choices":[{"message":{"content":"Hi"}}],"error":null}'
    assert answer_of(body, "choices").raw("choices") == b'[{"message":{"content":"Hi"}}]'
