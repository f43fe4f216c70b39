"""What does an error of Google's mean, and how is one told in its shape?

Format: `{"error": {"code", "message", "status", "details"}}`, also as the one element of a list
(https://ai.google.dev/gemini-api/docs/troubleshooting; google.rpc.Status). `wire/openai/` knows the words, the reasons in the
details (google.rpc.ErrorInfo, QuotaFailure) and the pause that they ask for (google.rpc.RetryInfo): Google's OpenAI-compatible
endpoint has the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.answer import Failure
from providers.canonical.extra import Extra, Json
from providers.errors import Failure as Told
from providers.types import Wire
from providers.wire.openai import told_failure
from providers.wire.openai.errors import failure_of
from providers.wire.openai.told_failure import failure_of as failure_meant

WIRE = Wire.GEMINI
ERROR = "error"
STATUSES: Mapping[int, str] = MappingProxyType(
    {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
     412: "FAILED_PRECONDITION", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED",
     503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
)  # fmt: skip
"""Status of HTTP → the word for it, by google.rpc.Code."""
INFO = "type.googleapis.com/google.rpc.ErrorInfo"
__all__ = ["error_body", "error_json", "failure_in", "failure_meant", "failure_of", "failure_told", "told_json"]


def failure_in(body: Json) -> Failure | None:
    """The failure that an answer or a chunk is; None for any other."""
    if "candidates" in body and ERROR not in body:
        return None
    return told_failure.failure_in(body, WIRE)


def failure_told(error: Any) -> Failure:
    """The failure that an error stands for, in any of its spellings."""
    return told_failure.failure_told(error, WIRE)


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
