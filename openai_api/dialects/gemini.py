"""How do Gemini's paths look? Errors, credentials and model lists as Google's clients know them.

Formats: google-genai 3.6 (`types.Model`, `errors.py`), the Generative Language API's discovery document, `google.rpc.Status`.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.listed import listed
from openai_api.errors import Headers, invalid
from providers.capabilities import Capability
from providers.errors import Failure
from providers.wire.gemini.errors import error_body

PER_PAGE, MOST_PER_PAGE = 50, 1000
METHODS: Mapping[Capability, tuple[str, ...]] = MappingProxyType(
    {
        Capability.CHAT: ("generateContent", "countTokens"),
        Capability.EMBEDDING: ("embedContent", "batchEmbedContents"),
    }
)
"""What clients are told that a model can do; streams go without saying, as with Google."""


class _Card(msgspec.Struct):
    """What is read of a model's object in OpenAI's form."""

    context_length: int | None = None
    metadata: dict[str, Any] = {}


_card = msgspec.json.Decoder(_Card).decode


def _error(failure: Failure, request_id: str) -> bytes:
    return error_body(failure)


def _identify(request_id: str) -> Headers:
    return ((b"x-request-id", request_id.encode("ascii")),)


def _models(catalog: CatalogSnapshot, client: Client, query: bytes) -> bytes:
    """A page of the models, by name. Raises 400 `ApiError`s that name the parameter at fault."""
    asked = parse_qs(query.decode("latin-1"))
    after, size = _after(asked.get("pageToken", [""])[0]), _size(asked.get("pageSize", [""])[0])
    rest = [entry for entry in listed(catalog, client) if entry.name > after]
    page = {"models": [_described(entry) for entry in rest[:size]]}
    if len(rest) > size:
        page["nextPageToken"] = urlsafe_b64encode(rest[size - 1].name.encode()).decode()  # type: ignore[assignment]
    return msgspec.json.encode(page)


def _after(token: str) -> str:
    try:
        return urlsafe_b64decode(token.encode("ascii")).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise invalid("invalid_value", "The parameter 'pageToken' is none that this server gave.", "pageToken") from error


def _size(said: str) -> int:
    """0 and too many are as Google takes them: the usual number, and the most there may be."""
    if not said:
        return PER_PAGE
    if not (said.isascii() and said.isdigit()):
        raise invalid("invalid_value", f"The parameter 'pageSize' must be a number from 0 to {MOST_PER_PAGE}.", "pageSize")
    return min(int(said[:9]), MOST_PER_PAGE) or PER_PAGE


def _model(entry: ModelEntry) -> bytes:
    return msgspec.json.encode(_described(entry))


def _described(entry: ModelEntry) -> dict[str, Any]:
    card = _card(entry.card)
    shown, about = card.metadata.get("display_name"), card.metadata.get("description")
    limit = {} if card.context_length is None else {"inputTokenLimit": card.context_length}
    return {
        "name": f"models/{entry.name}",
        "version": "001",
        "displayName": shown if isinstance(shown, str) and shown else entry.name,
        **({"description": about} if isinstance(about, str) and about else {}),
        **limit,
        "supportedGenerationMethods": [name for able, names in METHODS.items() if able in entry.capabilities for name in names],
    }


GEMINI = Dialect(
    name="gemini",
    prefixes=("/v1beta",),
    credentials=(b"x-goog-api-key", b"authorization", b"x-api-key"),
    query_key="key",
    marks=(b"x-goog-api-key", b"x-goog-api-client"),
    forwarded=(),
    identify=_identify,
    shown=("retry-after", "x-request-id", "x-should-retry"),
    error=_error,
    error_headers=((b"content-type", b"application/json; charset=UTF-8"),),
    events=MappingProxyType({}),
    message=error_body,
    ping=b"",  # its clients read every line of a stream as data
    models=_models,
    model=_model,
)
