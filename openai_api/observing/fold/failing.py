"""Did an exchange fail, and what is that called? By the type that the error's body has, else by its code, else by the status."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from openai_api.observing.fold.heard import Heard
from openai_api.observing.transcript import Transcript
from openai_api.recording.rows import CLIENT_CLOSED

BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "bad_request",
        401: "authentication_error",
        403: "permission_denied",
        404: "not_found",
        429: "rate_limit_error",
        500: "server_error",
        502: "bad_gateway",
        503: "service_unavailable",
    }
)
LEFT = "client_closed_request"
CUT = "incomplete_answer"
"""Of an answer that ended before its end, where nobody knows why."""


class Failed(NamedTuple):
    """`message` may repeat what was said."""

    type: str
    status: int
    message: str = ""
    left: bool = False
    """The client has left."""


def failed(transcript: Transcript, found: Heard) -> Failed | None:
    """What went wrong; None if nothing did. Of a stream that had begun, the status is the one that it began with."""
    record, error = transcript.record, transcript.error
    if record.client_aborted:
        return Failed(LEFT, CLIENT_CLOSED, left=True)
    if error is not None:
        return Failed(error.type or error.code or by_status(error.status), error.status or record.status, error.message)
    if (told := _in_body(found)) is not None:
        kind, message = _named(told, record.status)
        return Failed(kind, record.status, message)
    failure = None if found.answer is None else found.answer.failure
    if failure is not None:
        kind = failure.type or failure.code or by_status(failure.status or record.status)
        return Failed(kind, failure.status or record.status, failure.message)
    if record.status >= 400 or record.error:
        return Failed(record.error or by_status(record.status), record.status)
    return None if transcript.complete else Failed(CUT, record.status)


def by_status(status: int) -> str:
    return BY_STATUS.get(status, f"http_{status}")


def _in_body(found: Heard) -> Any:
    """The error that stands in the answer's JSON, of whatever status."""
    return None if found.told is None else found.told.get("error")


def _named(error: Any, status: int) -> tuple[str, str]:
    """Type and message of an error in a body: an object, or a text."""
    if not isinstance(error, dict):
        return by_status(status), error if isinstance(error, str) else ""
    code = error.get("code")
    named = [word for word in (error.get("type"), code, error.get("status")) if isinstance(word, str) and word]
    kind = named[0] if named else by_status(code if isinstance(code, int) else status)
    message = error.get("message")
    return kind[:100], message if isinstance(message, str) else ""
