"""How is a stream of Gemini's relayed, what do its errors mean, and what do its usages count?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bytes.patch import fields_of
from providers.errors import (
    CallerError,
    CredentialError,
    EmptyStream,
    Failure,
    InvalidResponse,
    ModelNotFound,
    Overloaded,
    PromptRefused,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    StreamTruncated,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.types import Usage
from providers.wire.gemini.errors import error_body, failure_of
from providers.wire.gemini.relay import GeminiRelay
from providers.wire.gemini.usage import usage_in, usage_of

Json = dict[str, Any]


def frame(value: Any, end: bytes = b"\r\n\r\n") -> bytes:
    return b"data: " + json.dumps(value).encode() + end


def chunk(text: str, reason: str | None = None, **more: Any) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return {
        "candidates": [candidate | ({"finishReason": reason} if reason else {})],
        "modelVersion": "upstream",
        "responseId": "r",
        **more,
    }


# The relay


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n"])
def test_relay_when_a_stream_is_whole_then_only_the_model_is_changed_and_the_usage_counted(end: bytes) -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1, "thoughtsTokenCount": 2, "totalTokenCount": 8}
    chunks = [chunk('a "finishReason":"STOP"'), chunk("b", "STOP", usageMetadata=usage, x=1)]
    relay = GeminiRelay("public")
    out = relay.feed(frame(chunks[0], end))
    assert not relay.finished
    out += relay.feed(frame(chunks[1], end))
    out += relay.end()
    assert b"".join(out) == b"".join(frame(one | {"modelVersion": "public"}, end) for one in chunks)
    assert relay.usage == Usage(5, 3, 0, 2)
    assert (relay.done, relay.events) == (True, 2)


def test_relay_when_chunks_are_alike_then_each_is_renamed_and_the_last_usage_counts() -> None:
    chunks = [chunk(f'"modelVersion": "upstream" {number}', usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": number})
              for number in range(4)]  # fmt: skip
    relay = GeminiRelay("public")
    out = b"".join(piece for one in chunks for piece in relay.feed(frame(one)))
    assert out == b"".join(frame(one | {"modelVersion": "public"}) for one in chunks)
    assert (relay.usage, relay.events) == (Usage(5, 3), 4)
    relay.feed(frame(chunk("a")))
    assert relay.usage == Usage(5, 3)


@pytest.mark.parametrize("name", ["functionCall", "toolCall"])
def test_relay_when_a_call_says_the_same_as_the_chunk_then_only_the_chunk_is_renamed(name: str) -> None:
    relay = GeminiRelay("public")
    relay.feed(frame(chunk("a")))
    call: Json = chunk("a")
    call["candidates"][0]["content"]["parts"] = [{name: {"args": {"modelVersion": "upstream"}}}]
    assert relay.feed(frame(call)) == [frame(call | {"modelVersion": "public"})]
    del call["modelVersion"]
    assert relay.feed(frame(call)) == [frame(call)]


def test_relay_when_fed_byte_by_byte_then_the_same() -> None:
    data = frame(chunk("a"), b"\n\n") + frame(chunk("b", "STOP"), b"\n\n")
    relay, whole = GeminiRelay("public"), GeminiRelay("public")
    out = [one for at in range(len(data)) for one in relay.feed(data[at : at + 1])] + relay.end()
    assert b"".join(out) == b"".join(whole.feed(data) + whole.end())


@pytest.mark.parametrize("cut", [chunk("a"), chunk("a", "FINISH_REASON_UNSPECIFIED")])
def test_relay_when_nothing_says_why_it_stops_then_truncated(cut: Json) -> None:
    relay = GeminiRelay("public")
    relay.feed(frame(cut))
    with pytest.raises(StreamTruncated):
        relay.end()


def test_relay_when_nothing_comes_then_empty() -> None:
    with pytest.raises(EmptyStream):
        GeminiRelay("public").end()


def test_relay_when_the_prompt_was_blocked_then_whole() -> None:
    relay = GeminiRelay("public")
    assert len(relay.feed(frame({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "upstream"}))) == 1
    assert relay.end() == []


ERROR: Json = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize("error", [ERROR, [ERROR]], ids=["object", "list"])
def test_relay_when_a_chunk_is_an_error_then_it_is_not_relayed(error: Any) -> None:
    relay = GeminiRelay("public")
    relay.feed(frame(chunk("a")))
    assert relay.feed(frame(error)) == []
    assert isinstance(relay.error, Overloaded)


@pytest.mark.parametrize("error", [ERROR, [ERROR]], ids=["object", "list"])
def test_relay_when_an_error_comes_in_place_of_a_stream_then_it_is_raised(error: Any) -> None:
    relay = GeminiRelay("public")
    relay.feed(json.dumps(error).encode())
    with pytest.raises(Overloaded):
        relay.end()


def test_relay_when_what_comes_is_no_json_then_invalid_response() -> None:
    relay = GeminiRelay("public")
    relay.feed(b"data: <html>\n\n")
    assert isinstance(relay.error, InvalidResponse)


def test_relay_when_broken_then_one_chunk_says_so_as_google_does() -> None:
    (made,) = GeminiRelay("public").broken(Failure(504, "upstream_idle_timeout", "upstream_timeout", "It stopped."))
    reason = {"reason": "UPSTREAM_IDLE_TIMEOUT", "domain": "gateway"}
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **reason}]
    said = {"error": {"code": 504, "message": "It stopped.", "status": "DEADLINE_EXCEEDED", "details": details}}
    assert json.loads(made.removeprefix(b"data: ")) == said


# Errors

API_KEY: Json = {
    "code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
}  # fmt: skip
MEANINGS: list[tuple[int, Json, type[ProviderError]]] = [
    (400, API_KEY, CredentialError),
    (400, {"code": 400, "message": "Invalid value at 'contents'", "status": "INVALID_ARGUMENT"}, CallerError),
    (
        400,
        {"code": 400, "message": "User location is not supported for the API use.", "status": "FAILED_PRECONDITION"},
        CredentialError,
    ),
    (401, {"code": 401, "message": "Request had invalid credentials.", "status": "UNAUTHENTICATED"}, CredentialError),
    (403, {"code": 403, "message": "Permission denied.", "status": "PERMISSION_DENIED"}, CredentialError),
    (404, {"code": 404, "message": "models/x is not found for API version v1beta", "status": "NOT_FOUND"}, ModelNotFound),
    (429, {"code": 429, "message": "Quota exceeded for quota metric x.", "status": "RESOURCE_EXHAUSTED"}, RateLimited),
    (499, {"code": 499, "message": "The operation was cancelled.", "status": "CANCELLED"}, UpstreamFailed),
    (500, {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}, UpstreamFailed),
    (503, {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}, Overloaded),
    (504, {"code": 504, "message": "Deadline expired.", "status": "DEADLINE_EXCEEDED"}, UpstreamTimedOut),
    (400, {"code": 400, "message": "Blocked.", "status": "PROHIBITED_CONTENT"}, PromptRefused),
]


@pytest.mark.parametrize("listed", [False, True], ids=["object", "list"])
@pytest.mark.parametrize(("status", "error", "kind"), MEANINGS, ids=[f"{one[0]}-{one[1]['status']}" for one in MEANINGS])
def test_error_when_google_tells_it_then_it_is_what_it_means(
    status: int,
    error: Json,
    kind: type[ProviderError],
    listed: bool,
) -> None:
    body: Any = [{"error": error}] if listed else {"error": error}
    failure = failure_of(status, [], json.dumps(body).encode())
    assert type(failure) is kind or (kind is CallerError and isinstance(failure, CallerError))
    assert "not valid" not in failure.public_message


def exhausted(delay: Any, kind: str = "type.googleapis.com/google.rpc.RetryInfo") -> bytes:
    error = {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": kind, "retryDelay": delay}]}
    return json.dumps([{"error": error}]).encode()


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("7.5s", 7.5), ("33s", 33), ("0.2s", 1), ("900s", 60), ("soon", None), ("-1s", None), (5, None), ("", None)],
)
def test_error_when_it_asks_for_a_pause_then_that_is_heard(delay: Any, seconds: float | None) -> None:
    assert failure_of(429, [], exhausted(delay)).retry_after == seconds


def test_error_when_a_header_asks_for_a_pause_then_that_counts() -> None:
    assert failure_of(429, [(b"retry-after", b"9")], exhausted("7s")).retry_after == 9


def test_error_when_a_quota_of_the_day_is_used_up_then_quota() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}
    ]
    body = json.dumps({"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": details}}).encode()
    assert type(failure_of(429, [], body)) is QuotaExceeded


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"null", b'{"error":"x"}', b'[{"error":[1]}]', b"\xff"])
def test_error_when_it_is_none_of_googles_then_its_status_counts(body: bytes) -> None:
    assert type(failure_of(503, [], body)) is Overloaded


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (418, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (502, "INTERNAL"),
    ],
)
def test_error_when_told_to_a_client_then_googles_word_for_its_status(status: int, word: str) -> None:
    made = json.loads(error_body(Failure(status, "code", "kind", "Text.")))
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "CODE", "domain": "gateway"}]
    assert made == {"error": {"code": status, "message": "Text.", "status": word, "details": details}}


# Usage

COUNTS = [
    ({"promptTokenCount": 20, "candidatesTokenCount": 6, "totalTokenCount": 26}, Usage(20, 6)),
    ({"promptTokenCount": 20, "candidatesTokenCount": 6, "thoughtsTokenCount": 3, "totalTokenCount": 29}, Usage(20, 9, 0, 3)),
    ({"promptTokenCount": 20, "candidatesTokenCount": 9, "thoughtsTokenCount": 3, "totalTokenCount": 29}, Usage(20, 9, 0, 3)),
    ({"promptTokenCount": 20, "candidatesTokenCount": 6, "cachedContentTokenCount": 8}, Usage(20, 6, 8)),
    ({"promptTokenCount": 20, "toolUsePromptTokenCount": 4, "candidatesTokenCount": 6, "totalTokenCount": 30}, Usage(24, 6)),
    ({"promptTokenCount": 20, "thoughtsTokenCount": 3, "totalTokenCount": 23}, Usage(20, 3, 0, 3)),
    ({"promptTokenCount": 20, "totalTokenCount": 26}, Usage(20, 6)),
    ({"promptTokenCount": "20", "candidatesTokenCount": 6.0}, Usage(20, 6)),
    ({"promptTokenCount": 20, "candidatesTokenCount": -1}, Usage(20, 0)),
    ({"trafficType": "ON_DEMAND"}, None),
    ({}, None),
    (None, None),
    ([], None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "counted"), COUNTS, ids=range(len(COUNTS)))
def test_usage_when_told_then_thoughts_and_tools_are_counted_once(told: Any, counted: Usage | None) -> None:
    assert usage_in(told) == counted
    assert usage_of(fields_of(json.dumps({"usageMetadata": told}).encode())) == counted


def test_usage_when_absent_then_none() -> None:
    assert usage_of(fields_of(b"{}")) is None
