"""What does a failure of Bedrock mean, wherever its type stands, and is nothing of a key ever told?"""

from __future__ import annotations

import json

import pytest

from providers.canonical.answer import Failure
from providers.errors import (
    CallerError,
    CredentialError,
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
from providers.wire.bedrock_converse.errors import failure_of, failure_of_told

KEY = "AKIAIOSFODNN7EXAMPLE"


def told(kind: str, message: str = "No.", status: int = 400) -> ProviderError:
    return failure_of(status, [(b"x-amzn-errortype", kind.encode())], json.dumps({"message": message}).encode())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"x-amzn-errortype", b"ThrottlingException")], b"{}"),
        ([(b"x-amzn-errortype", b"ThrottlingException:http://internal.amazon.com/coral/x/")], b""),
        ([], b'{"__type":"ThrottlingException"}'),
        ([], b'{"__type":"com.amazon.coral.service#ThrottlingException","Message":"No."}'),
        ([], b'{"code":"throttlingException"}'),
    ],
)
def test_type_when_in_any_place_then_found(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    assert type(failure_of(400, headers, body)) is RateLimited


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("TooManyRequestsException", RateLimited),
        ("ServiceQuotaExceededException", QuotaExceeded),
        ("ModelNotReadyException", Overloaded),
        ("ModelTimeoutException", UpstreamTimedOut),
        ("ModelErrorException", UpstreamFailed),
        ("ModelStreamErrorException", UpstreamFailed),
        ("InternalServerException", UpstreamFailed),
        ("InternalFailure", UpstreamFailed),
        ("ServiceUnavailableException", Overloaded),
        ("ResourceNotFoundException", ModelNotFound),
        ("AccessDeniedException", CredentialError),
        ("ExpiredToken", CredentialError),
        ("IncompleteSignature", CredentialError),
        ("MissingAuthenticationTokenException", CredentialError),
        ("ValidationException", CallerError),
    ],
)
def test_type_when_known_then_what_it_means_whole_and_in_a_stream(kind: str, expected: type[ProviderError]) -> None:
    assert type(told(kind)) is expected
    assert type(failure_of_told(Failure(message="No.", type=kind[0].lower() + kind[1:]))) is expected


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("ValidationException", "The provided model identifier is invalid.", ModelNotFound),
        ("ValidationException", "Invocation of model ID x.y with on-demand throughput isn\u2019t supported.", ModelNotFound),
        ("ValidationException", "Operation not allowed", CredentialError),
        ("ResourceNotFoundException", "Model use case details have not been submitted for this account.", CredentialError),
        ("ValidationException", "The request was blocked by the content filtering policy.", PromptRefused),
        ("ValidationException", "messages.0: text is blank", CallerError),
    ],
)  # fmt: skip
def test_words_when_they_say_more_than_the_type_then_they_count(kind: str, message: str, expected: type[ProviderError]) -> None:
    assert type(told(kind, message)) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, CredentialError), (429, RateLimited), (500, UpstreamFailed), (503, Overloaded), (302, RedirectRefused)],
)
def test_type_when_nobody_knows_it_then_the_status_counts(status: int, expected: type[ProviderError]) -> None:
    assert type(told("HologramException", status=status)) is expected
    assert type(failure_of(status, [], b"<html>")) is expected


@pytest.mark.parametrize(
    "message",
    [
        "Signature expired: 20261129T231442Z is now earlier than 20261129T231500Z (20261129T232000Z - 5 min.)",
        "Signature not yet current: 20261129T233000Z is still later than 20261129T232500Z (20261129T232000Z + 5 min.)",
    ],
)
def test_signature_when_its_time_is_refused_then_the_clock_is_named(message: str) -> None:
    failure = told("InvalidSignatureException", message, 403)
    assert type(failure) is CredentialError
    assert "clock" in failure.public_message


def test_signature_when_wrong_for_another_reason_then_nothing_of_the_clock_nor_of_what_was_signed() -> None:
    message = f"The request signature does not match.\n\nThe Canonical String was\nx-amz-security-token:TOKEN {KEY}"
    failure = told("InvalidSignatureException", message, 403)
    assert "clock" not in failure.public_message
    assert not [secret for secret in ("TOKEN", KEY) if secret in f"{failure.detail}{failure.public_message}{failure.more}"]


@pytest.mark.parametrize("secret", [KEY, "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", "bedrock-api-key-YmVkcm9jaw=="])
def test_message_when_it_repeats_a_key_then_hidden(secret: str) -> None:
    failure = told("ValidationException", f"odd {secret}!")
    assert isinstance(failure, CallerError)
    assert failure.message == "odd ***!"


def test_request_when_refused_then_its_status_and_words() -> None:
    failure = told("ValidationException", "Input is too long for requested model.", 413)
    assert isinstance(failure, CallerError)
    assert (failure.upstream_status, failure.upstream_code) == (413, "context_length_exceeded")
