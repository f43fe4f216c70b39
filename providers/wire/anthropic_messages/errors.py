"""What does an error of Anthropic's mean, and how is one told in a stream of events?

Format: Anthropic's reference of October 2026, "Errors": `{"type": "error", "error": {"type", "message"}, "request_id"}`, whole or
as an event named `error`. Its words are among those that `failure_words.py` knows: 402 `billing_error` is a quota, 529
`overloaded_error` an overload, and what a 400 or 413 says goes to the client as it came, because clients heal themselves by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers import errors
from providers.canonical.answer import Failure
from providers.canonical.extra import Extra, Json
from providers.errors import ProviderError
from providers.types import Wire
from providers.wire.anthropic_messages.framing import frame_of
from providers.wire.openai.error_object import told_in
from providers.wire.openai.errors import failure_in_band, failure_of

ERROR, OBJECT = "error", "object"
TYPES: Mapping[str, str] = MappingProxyType(
    {
        "insufficient_quota": "billing_error",
        "invalid_api_key": "authentication_error",
        "model_not_found": "not_found_error",
        "price_unknown": "permission_error",
        "invalid_request_error": "invalid_request_error",
        "rate_limit_error": "rate_limit_error",
        "rate_limit_exceeded": "rate_limit_error",
        "upstream_rate_limited": "rate_limit_error",
        "upstream_quota_exceeded": "rate_limit_error",
        "overloaded_error": "overloaded_error",
        "upstream_overloaded": "overloaded_error",
        "upstream_timeout": "timeout_error",
        "upstream_idle_timeout": "timeout_error",
        "ttft_timeout": "timeout_error",
        "total_timeout": "timeout_error",
        "connect_timeout": "timeout_error",
        "authentication_error": "authentication_error",
        "permission_error": "permission_error",
        "not_found_error": "not_found_error",
    }
)
"""Code or kind of a failure → Anthropic's type."""
OTHER = "api_error"


def failure_in(value: Any, wire: Wire) -> Failure | None:
    """The failure that an event, or an answer of a good status, is; None for any other."""
    if isinstance(value, dict) and (value.get("type") != ERROR and ("content" in value or not value.get(ERROR))):
        return None
    told = told_in(value)
    extra = Extra(wire, {OBJECT: value})
    return Failure(message=told.message, type=told.type, code=told.code, param=told.param, status=told.status, extra=extra)


def failure_told(failure: Failure) -> ProviderError:
    """Which error of the gateway it is."""
    said = failure.extra.fields if failure.extra is not None else {}
    if OBJECT in said:
        return failure_in_band(said[OBJECT])
    fields = {name: getattr(failure, name) for name in ("message", "type", "code", "param", "status")}
    return failure_in_band({name: value for name, value in fields.items() if value is not None})


def error_type(code: str | None, kind: str = "") -> str:
    """Anthropic's type of a failure of the gateway."""
    return TYPES.get(code or "") or TYPES.get(kind) or OTHER


def error_json(code: str | None, kind: str, message: str, more: Mapping[str, Any]) -> Json:
    """The event of a failure, with the further fields of an upstream's error."""
    return {"type": ERROR, "error": {"type": error_type(code, kind), "message": message, **more}}


def error_frame(failure: errors.Failure) -> bytes:
    """The frame of a failure of the gateway."""
    return frame_of(error_json(failure.code, failure.kind, failure.message, failure.more))


__all__ = ["error_frame", "error_json", "error_type", "failure_in", "failure_of", "failure_told"]
