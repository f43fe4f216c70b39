"""What does an error of Google's mean, and how is one told in its shape?

Format: `{"error": {"code", "message", "status", "details"}}`, also as the one element of a list
(https://ai.google.dev/gemini-api/docs/troubleshooting; google.rpc.Status). The words are among those that `wire/openai/` knows;
`details` have the pause that is asked for (google.rpc.RetryInfo) and reasons (google.rpc.ErrorInfo).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.answer import Failure
from providers.canonical.extra import Extra, Json
from providers.errors import Failure as Told
from providers.errors import ProviderError
from providers.retry import clamped, retry_after_of
from providers.transport import Headers
from providers.types import Wire
from providers.wire.openai import errors, told_failure

WIRE = Wire.GEMINI
ERROR = "error"
STATUSES: Mapping[int, str] = MappingProxyType(
    {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
     412: "FAILED_PRECONDITION", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED",
     503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
)  # fmt: skip
"""Status of HTTP → the word for it, by google.rpc.Code."""
RETRY = "google.rpc.RetryInfo"
INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def failure_of(status: int, headers: Headers, body: bytes, *, named_by_client: bool = False) -> ProviderError:
    """The error that an answer of no good status stands for; the pause that it asks for stands in a header or in its details."""
    error = errors.failure_of(status, headers, body, named_by_client=named_by_client)
    if error.retry_after is None or retry_after_of(headers) is None:
        error.retry_after = _pause(_decoded(body)) or error.retry_after
    return error


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _pause(value: Any) -> float | None:
    """The seconds of `retryDelay` ("7.5s"), within those that a target may ask for."""
    for detail in _details(value):
        delay = detail.get("retryDelay")
        if RETRY not in str(detail.get("@type", RETRY)) or not isinstance(delay, str):
            continue
        number = delay.strip().removesuffix("s")
        if number.replace(".", "", 1).isdigit() and number.isascii():
            return clamped(float(number))
    return None


def _details(value: Any) -> Iterator[Json]:
    outer = value[0] if isinstance(value, list) and value else value
    error = outer.get(ERROR) if isinstance(outer, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    yield from (one for one in (details if isinstance(details, list) else ()) if isinstance(one, dict))


# In a good answer or a stream


def failure_in(body: Json) -> Failure | None:
    """The failure that an answer or a chunk is; None for any other."""
    if "candidates" in body and ERROR not in body:
        return None
    return told_failure.failure_in(body, WIRE)


def failure_told(error: Any) -> Failure:
    """The failure that an error stands for, in any of its spellings."""
    return told_failure.failure_told(error, WIRE)


def failure_meant(failure: Failure) -> ProviderError:
    """Which error of the gateway it is."""
    error = told_failure.failure_of(failure)
    said = failure.extra.fields.get(told_failure.OBJECT) if failure.extra else None
    error.retry_after = _pause(said) or error.retry_after
    return error


# To clients


def error_json(failure: Told) -> Json:
    """`{"error": …}`, as Google tells it. The details are the upstream's own, if it is Google, else the gateway's word for what
    went wrong and the field at fault."""
    status = failure.status if 400 <= failure.status < 600 else 500
    word = STATUSES.get(status) or (STATUSES[400] if status < 500 else STATUSES[500])
    details = failure.more.get("details")
    if not isinstance(details, list):
        place = {"metadata": {"field": failure.param}} if failure.param else {}
        details = [{"@type": INFO, "reason": (failure.code or failure.kind).upper(), "domain": "gateway", **place}]
    return {ERROR: {"code": status, "message": failure.message, "status": word, "details": details}}


def error_body(failure: Told) -> bytes:
    """The error as an answer of its own, or as a chunk of a stream."""
    return msgspec.json.encode(error_json(failure))


def told_json(failure: Failure) -> Json | None:
    """An error of an upstream of this wire as it came; None if it came otherwise."""
    extra: Extra | None = failure.extra
    if extra is None or extra.wire is not WIRE:
        return None
    said = extra.fields.get(told_failure.OBJECT, extra.fields.get(told_failure.ERROR))
    return said if isinstance(said, dict) else None
