"""How do OpenAI's paths look? Errors, credentials, model lists and streams as its clients know them.

Formats: OpenAI's OpenAPI document of August 2026; events and WebSocket messages by the OpenResponses specification of 2026-04-24.
"""

from __future__ import annotations

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.dialects import codex
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.listed import listed
from openai_api.errors import Headers
from providers.errors import Failure
from providers.types import Wire
from providers.wire.openai.error_object import error_body, error_fields
from providers.wire.openai_responses.relay import frame_of


def _error(failure: Failure, request_id: str) -> bytes:
    return error_body(failure)


def _response_event(failure: Failure, number: int) -> bytes:
    """Codes and words stand at the top by the specification, and in an object where OpenAI's SDKs look for them."""
    said = {"code": failure.code, "message": failure.message, "param": failure.param}
    return frame_of({"type": "error", "sequence_number": number, **said, "error": {"type": failure.kind, **said}})


def _message(failure: Failure) -> bytes:
    """The error object of HTTP, but that the code must be a text."""
    error = error_fields(failure._replace(code=failure.code or failure.kind))
    return msgspec.json.encode({"type": "error", "status": failure.status, "error": error})


def _identify(request_id: str) -> Headers:
    return ((b"x-request-id", request_id.encode("ascii")),)


def _models(catalog: CatalogSnapshot, client: Client, query: bytes) -> bytes:
    """OpenAI's list object, rendered when the catalog was compiled; its endpoint knows no pages."""
    if client.models is None and not client.aliases and not codex.asks(query):
        return catalog.models_body
    entries = listed(catalog, client)
    if codex.asks(query):
        return codex.catalog(entries)
    return b'{"object":"list","data":[' + b",".join(entry.card for entry in entries) + b"]}"


def _model(entry: ModelEntry) -> bytes:
    return entry.card


OPENAI = Dialect(
    name="openai",
    prefixes=("/v1",),
    credentials=(b"authorization", b"x-api-key", b"api-key"),
    query_key="",
    marks=(),
    forwarded=(),  # an organization, a project or a beta is of the operator's account, not of the client's
    identify=_identify,
    shown=(
        "retry-after",
        "x-ratelimit-limit-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens",
        "x-request-id",
        "x-should-retry",
    ),
    error=_error,
    error_headers=((b"content-type", b"application/json"),),
    events={Wire.OPENAI_RESPONSES: _response_event},
    message=_message,
    ping=b": keep-alive\n\n",
    models=_models,
    model=_model,
)
