"""Is an error read whole, in whichever spelling, and bounded?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.wire.openai.error_object import MAX_MORE_BYTES, told_by, told_in


@pytest.mark.parametrize(
    ("value", "message", "code"),
    [
        ({"error": {"message": "a", "code": 7}}, "a", "7"),
        ([{"error": {"message": "a", "code": 7}}], "a", "7"),
        ({"error": {"error": {"error": {"message": "a", "code": "c"}}}}, "a", "c"),
        ({"code": "c", "error": "a"}, "a", "c"),
        ({"error": ["a", "b"]}, "a", None),
        ({"error": True, "message": "a"}, "a", None),
        ({"error": 5}, "", "5"),
        ({"detail": {"error": {"message": "a", "code": "c"}}}, "a", "c"),
        ({"detail": {"message": "a"}}, "a", None),
        ({"title": "t", "detail": "a", "status": 400}, "a", None),
        ({"errors": [{"code": 1, "message": "a"}], "messages": []}, "a", "1"),
        ({"status": "failure", "message": "outer", "error": {"message": "a", "code": "c"}}, "a", "c"),
        ({"timestamp": 1, "status": 400, "error": "Bad Request", "message": "a"}, "a", None),
        ({"message": {"detail": "a"}}, '{"detail":"a"}', None),
        ({"error_msg": "a"}, "a", None),
        ({"base_resp": {"status_code": 1004, "status_msg": "a"}}, "a", "base_resp_1004"),
        ("a", "a", None),
        (None, "", None),
        ([], "", None),
        ({}, "", None),
    ],
)
def test_error_when_spelled_like_this_then_read(value: Any, message: str, code: str | None) -> None:
    told = told_in(value)
    assert (told.message, told.code) == (message, code)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 429}, 429),
        ({"code": "429"}, 429),
        ({"code": "slow", "status": 429}, 429),
        ({"status_code": 503}, 503),
        ({"raw_status_code": 503}, 503),
        ({"code": 200}, None),
        ({"code": True}, None),
        ({"code": "4290"}, None),
    ],
)
def test_status_when_the_error_holds_one_then_found(error: dict[str, Any], status: int | None) -> None:
    assert told_in(error).status == status


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"message": "Please try again in 20s. Visit the site."}, 20.0),
        ({"message": "Rate limit reached. Please try again in 7.66s."}, 7.66),
        ({"message": "Please retry after 20 seconds."}, 20.0),
        ({"details": [{"retryDelay": "34.07s"}], "message": "x"}, 34.07),
        ({"details": [{"retryDelay": "300ms"}], "message": "x"}, 1.0),
        ({"message": "x", "estimated_time": 20.5}, 20.5),
        ({"message": "x", "retry_after": 5}, 5.0),
        ({"message": "x", "retry_after_ms": 2500}, 2.5),
        ({"message": "x", "retry_after": 10**400}, None),
        ({"message": "x"}, None),
    ],
)
def test_pause_when_asked_for_in_the_body_then_found(error: dict[str, Any], seconds: float | None) -> None:
    assert told_in(error).retry_after == seconds


def test_further_fields_when_there_are_some_then_kept_as_they_came() -> None:
    more = {"failed_generation": "<f>", "metadata": {"raw": "{}", "n": [1, None]}, "innererror": {"code": "x"}}
    told = told_in({"error": {"message": "a", "type": "t", "param": None, "code": 1, **more}})
    assert told.more == more


def test_further_fields_when_too_large_or_too_deep_then_left_out() -> None:
    deep: Any = 1
    for _ in range(20):
        deep = [deep]
    told = told_in({"message": "a", "first": "x", "deep": deep, "large": "y" * MAX_MORE_BYTES, "object": "error"})
    assert told.more == {"first": "x"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'"text"', b"1", b"[" * 100_000])
def test_body_when_it_is_no_error_object_then_nothing_is_told(body: bytes) -> None:
    assert told_by(body).message == ""


def test_words_when_collected_then_the_most_exact_first() -> None:
    error = {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}], "message": "x"}
    assert told_in(error).words == ("api_key_invalid", "invalid_argument")
    assert told_by(msgspec.json.encode({"code": "permission-denied", "error": "x"})).words == ("permission_denied",)
