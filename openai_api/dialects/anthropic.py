"""How do Anthropic's paths look? Errors, credentials, model lists and streams as its clients know them.

Formats: Anthropic SDK 2.14 (`types/shared/error_response.py`, `types/model_info.py`, `pagination.py`). What a gateway must do is
in code.claude.com/docs/en/llm-gateway-protocol: headers and betas are never refused, an upstream's words are kept, a key which
lets nobody in is not to be tried again, silence is filled with pings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.listed import listed
from openai_api.errors import Headers, invalid
from providers.errors import Failure

PER_PAGE, MOST_PER_PAGE = 20, 1000
ACTIVE = "active"
BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        408: "timeout_error",
        409: "conflict_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
"""The types of errors; all others are `invalid_request_error` below 500, and `api_error` from there on."""
BY_KIND: Mapping[str, str] = MappingProxyType({"insufficient_quota": "billing_error", "billing_error": "billing_error"})
"""Types that the status does not tell."""


class _Card(msgspec.Struct):
    """What is read of a model's object in OpenAI's form."""

    created: int = 0
    context_length: int | None = None
    metadata: dict[str, Any] = {}


_card = msgspec.json.Decoder(_Card).decode


def error_type(failure: Failure) -> str:
    """What Anthropic's clients know a failure as."""
    usual = "invalid_request_error" if failure.status < 500 else "api_error"
    return BY_KIND.get(failure.kind) or BY_STATUS.get(failure.status, usual)


def _said(failure: Failure) -> dict[str, Any]:
    told = {"type": error_type(failure), "message": failure.message}
    return {"type": "error", "error": {**told, **failure.more, **told}}


def _error(failure: Failure, request_id: str) -> bytes:
    return msgspec.json.encode({**_said(failure), "request_id": request_id})


def _message(failure: Failure) -> bytes:
    return msgspec.json.encode(_said(failure))


def _identify(request_id: str) -> Headers:
    value = request_id.encode("ascii")
    return (b"request-id", value), (b"x-request-id", value)


def _models(catalog: CatalogSnapshot, client: Client, query: bytes) -> bytes:
    """A page of the models, by name. Raises 400 `ApiError`s that name the parameter at fault."""
    asked = parse_qs(query.decode("latin-1"))
    entries = listed(catalog, client)
    stages = [stage for name in ("lifecycle", "lifecycle[]") for text in asked.get(name, ()) for stage in text.split(",")]
    if stages and ACTIVE not in stages:  # the catalog has no others
        entries = []
    after, before = asked.get("after_id", [""])[0], asked.get("before_id", [""])[0]
    if after and before:
        raise invalid("invalid_value", "Send 'after_id' or 'before_id', not both.", "after_id")
    entries = [entry for entry in entries if entry.name > after and (not before or entry.name < before)]
    limit = _limit(asked.get("limit", [""])[0])
    page = entries[-limit:] if before else entries[:limit]
    names = {"first_id": page[0].name, "last_id": page[-1].name} if page else {"first_id": None, "last_id": None}
    data = [msgspec.Raw(_model(entry)) for entry in page]
    return msgspec.json.encode({"data": data, "has_more": len(page) < len(entries), **names})


def _limit(said: str) -> int:
    if not said:
        return PER_PAGE
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:5]) <= MOST_PER_PAGE):
        raise invalid("invalid_value", f"The parameter 'limit' must be a number from 1 to {MOST_PER_PAGE}.", "limit")
    return int(said)


def _model(entry: ModelEntry) -> bytes:
    """What the catalog does not say (the line, the stages of a model's life, the longest answer) is null, as with Anthropic."""
    card = _card(entry.card)
    shown = card.metadata.get("display_name")
    return msgspec.json.encode(
        {
            "type": "model",
            "id": entry.name,
            "display_name": shown if isinstance(shown, str) and shown else entry.name,
            "created_at": datetime.fromtimestamp(card.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycle": ACTIVE,
            "deprecated_at": None,
            "retires_at": None,
            "line": None,
            "max_input_tokens": card.context_length,
            "max_tokens": None,
            "capabilities": None,
        }
    )


ANTHROPIC = Dialect(
    name="anthropic",
    prefixes=("/v1/messages",),
    credentials=(b"x-api-key", b"authorization", b"api-key"),
    query_key="",
    marks=(b"anthropic-version",),
    forwarded=(b"anthropic-version", b"anthropic-beta"),  # a workspace or a user's profile is of the operator's account
    identify=_identify,
    shown=("request-id", "retry-after", "x-request-id", "x-should-retry"),
    error=_error,
    error_headers=((b"content-type", b"application/json"),),
    events=MappingProxyType({}),
    message=_message,
    ping=b'event: ping\ndata: {"type": "ping"}\n\n',
    models=_models,
    model=_model,
)
