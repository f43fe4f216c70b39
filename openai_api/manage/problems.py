"""What does the management API say of a request that it does not take? One JSON object, whatever went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.core.exceptions import NON_FIELD_ERRORS as DJANGOS
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

log = structlog.stdlib.get_logger("gateway.manage")
Fields = Mapping[str, list[str]]
RETRY_S = "5"
CODES = {405: "method_not_allowed", 406: "not_acceptable", 415: "unsupported_media_type", 429: "too_many_requests"}
WHOLE = frozenset({DJANGOS, api_settings.NON_FIELD_ERRORS_KEY, ""})
"""What Django and its REST framework call errors that belong to no field."""


class Problem(Exception):
    """A request that is not served. `fields` are the messages by field, with the path of a member like `routes.0.weight`;
    `more` are further members of the error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        fields: Fields | None = None,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.fields, self.headers, self.more = fields or {}, headers or {}, more

    def response(self) -> Response:
        """As it is answered."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.fields:
            error["field"] = next(iter(self.fields))
            error["fields"] = dict(self.fields)
        return Response({"error": {**error, **self.more}}, status=self.status, headers=dict(self.headers))


def invalid(fields: Fields) -> Problem:
    """400 for values that cannot be taken, with the messages by field."""
    named = [f"{name}: {text}" if name else text for name, texts in fields.items() for text in texts]
    return Problem(400, "invalid", " ".join(named[:20]), fields={name or "(whole)": texts for name, texts in fields.items()})


def not_found(kind: str, name: str) -> Problem:
    return Problem(404, "not_found", f"There is no {kind} {name[:200]!r}.")


def of_validation(error: ValidationError, place: str = "") -> Problem:
    """The problem of Django's error; `place` is where in the body the row stands."""
    return invalid(fields_of(error, place))


def fields_of(error: ValidationError, place: str = "") -> dict[str, list[str]]:
    """The messages of Django's error by field."""
    found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return {_at(place, "" if name in WHOLE else name): list(texts) for name, texts in found.items()}


def _at(place: str, name: str) -> str:
    return ".".join(part for part in (place, name) if part)


def flat(detail: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """The messages in what the REST framework says of a body, each with its path."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from flat(inner, _at(place, "" if name in WHOLE else str(name)))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            yield from flat(inner, place if isinstance(inner, str) else _at(place, str(number)))
    else:
        yield place, str(detail)


def answer(error: Exception) -> Response:
    """The answer to a request that ended with this error; what nobody foresaw is logged, and 500."""
    return _problem(error).response()


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        fields: dict[str, list[str]] = {}
        for place, text in flat(error.detail):
            fields.setdefault(place, []).append(text)
        return invalid(fields)
    if isinstance(error, ValidationError):
        return of_validation(error)
    if isinstance(error, exceptions.ParseError):
        return Problem(400, "invalid_json", str(error.detail))
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", "The body is too large.")
    if isinstance(error, UnreadablePostError):
        return Problem(400, "incomplete", "The body did not arrive.")
    if isinstance(error, (OperationalError, InterfaceError)):
        log.warning("the database does not answer", error=type(error).__name__)
        return Problem(503, "unavailable", "The database does not answer. Try again.", headers={"Retry-After": RETRY_S})
    if isinstance(error, exceptions.APIException):
        return Problem(error.status_code, CODES.get(error.status_code, "refused"), str(error.detail))
    log.error("a request to the management API failed", error=type(error).__name__, exc_info=sys.exc_info())
    return Problem(500, "internal", "The gateway failed. Its log says why.")
