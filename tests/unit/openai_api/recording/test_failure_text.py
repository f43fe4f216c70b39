"""What is remembered of a failed try's words, and what never is?"""

from __future__ import annotations

import msgspec
import pytest

from openai_api.recording.events import Attempt, Record
from openai_api.recording.failure_text import LONGEST, failure_text
from openai_api.recording.rows import row_of
from providers.errors import CallerError, CredentialError, Overloaded, ProviderError, Unsupported

CANARY = "sk-gw-" + "C4n4ry" * 6


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Overloaded("status 503: too many\nrequests"), "status 503: too many requests"),
        (CallerError(400, "you wrote: my secret prompt", code="invalid_value", param="messages[0].content"),
         "status 400: invalid_request_error invalid_value messages[0].content"),
        (CallerError(422, "x", code="my secret prompt", param="a" * 500), "status 422: invalid_request_error"),
        (ProviderError(), ""),
    ],
)  # fmt: skip
def test_text_of_a_failure_then_short_and_without_what_the_client_wrote(error: ProviderError, text: str) -> None:
    assert failure_text(error) == text


@pytest.mark.parametrize(
    "error",
    [
        CredentialError(f"status 401: Incorrect API key provided: {CANARY}."),
        CredentialError(f"status 401: Bearer {CANARY}"),
        CredentialError("x" * (LONGEST - 20) + f" {CANARY} " + "y" * 5000),
        CallerError(400, CANARY, code=CANARY, param=CANARY),
        Unsupported(400, CANARY, error_type=CANARY),
    ],
)
def test_text_of_a_failure_when_a_key_is_in_it_then_not_in_the_row(error: ProviderError) -> None:
    attempt = Attempt("t", "openai", "gpt", message=failure_text(error))
    row = row_of(Record("req-1", "POST", "/v1/x", attempts=[attempt]), "id")
    assert "C4n4ry" not in msgspec.json.encode(row).decode()
    assert len(attempt.message) <= LONGEST


def test_row_of_a_good_try_then_no_message_is_kept() -> None:
    row = row_of(Record("req-1", "POST", "/v1/x", attempts=[Attempt("t", "openai", "gpt", "ok")]), "id")
    assert "message" not in row.attempts
