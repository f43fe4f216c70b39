"""What does a failure of Ollama mean? `{"error": "text"}`, whole or as a line of a stream; no codes, so the words count.

Format: Ollama of August 2026, `server/routes.go`: 400 for requests, 401 for models of its cloud, 404 for models that are not
there, 500 for what its runner says, 503 when too many wait. What the words mean stands in one table for all upstreams
(`providers/wire/openai/failure_words.py`).
"""

from __future__ import annotations

from typing import Any

from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson
from providers.canonical.answer import Failure
from providers.canonical.extra import Extra, Json
from providers.errors import InvalidResponse, ProviderError
from providers.types import Wire
from providers.wire.openai.error_object import told_in
from providers.wire.openai.errors import failure_in_band, failure_of
from providers.wire.openai.good_answer import error_in, failure_in_text

ERROR = "error"
SILENT = (None, b"null", b'""')
__all__ = ["answer_of", "error_of", "failure_in", "failure_of", "told_failure"]


def error_of(fields: Fields) -> ProviderError | None:
    """The error that an answer or a line is, None for any other."""
    return error_in(fields) if fields.raw(ERROR) not in SILENT else None


def answer_of(body: bytes, field: str) -> Fields:
    """The fields of an answer of a good status, which must have `field`. Raises the error that it is instead, or
    `InvalidResponse`."""
    try:
        fields = told_fields(body)
    except InvalidJson as error:
        raise (failure_in_text(body) or InvalidResponse()) from error
    failure = error_of(fields)
    if failure is not None:
        raise failure
    if fields.raw(field) in SILENT:
        raise InvalidResponse(f"the answer's {field!r} holds nothing")
    return fields


def failure_in(value: Json) -> Failure | None:
    """The failure that a decoded answer or line is."""
    if not value.get(ERROR):
        return None
    told = told_in(value)
    extra = Extra(Wire.OLLAMA, {"object": value})
    return Failure(message=told.message, type=told.type, code=told.code, param=told.param, status=told.status, extra=extra)


def told_failure(failure: Failure) -> ProviderError:
    """Which error of the gateway it is."""
    said: Any = failure.extra.fields.get("object") if failure.extra else None
    if said is not None:
        return failure_in_band(said)
    fields = {name: getattr(failure, name) for name in ("message", "type", "code", "param", "status")}
    return failure_in_band({name: value for name, value in fields.items() if value is not None})
