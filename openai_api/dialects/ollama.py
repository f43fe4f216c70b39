"""How do Ollama's paths look? Errors, lists and descriptions of models as its clients know them.

Format: Ollama of August 2026, `api/types.go`, `server/routes.go`. Ollama shows every name with a tag, and takes one without for
`:latest`. What a gateway cannot know of a model (files, layers, quantization) is empty, as it is for Ollama's own remote models.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from models_catalog.snapshot import STAR, CatalogSnapshot, Client, ModelEntry
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.listed import listed
from openai_api.errors import Headers
from providers.capabilities import Capability
from providers.errors import Failure
from providers.wire.ollama.times import stamp

TAG = ":latest"
ARCHITECTURE = "signalbox"
"""What stands before the length of the context in `model_info`, where clients look for it."""
TALKS = frozenset({Capability.CHAT, Capability.RESPONSES})
SERVED = TALKS | {Capability.COMPLETION, Capability.EMBEDDING}
"""Models without any of these are of no use to clients of Ollama."""
TOLD = {
    "tools": ("supports_function_calling", True),
    "vision": ("supports_vision", True),
    "thinking": ("supports_reasoning", False),
}
"""Abilities of models that talk → the field of their metadata that says so, and what is taken for true without it."""


class _Card(msgspec.Struct):
    """What is told of a model in `/v1/models`."""

    created: int = 0
    context_length: int | None = None
    metadata: dict[str, Any] = {}


_card = msgspec.json.Decoder(_Card).decode


def tagged(name: str) -> str:
    """The name as Ollama shows it."""
    return name if ":" in name.rpartition("/")[2] else name + TAG


def known_name(name: str, catalog: CatalogSnapshot) -> str:
    """The name of the model that is meant: the one of exactly this name, else the one with or without the tag. A name that only a
    pattern fits is taken without it, for no other vendor knows it."""
    if name in catalog.models:
        return name
    if name.endswith(TAG):
        return name.removesuffix(TAG)
    return name + TAG if name + TAG in catalog.models else name


def _details(card: _Card) -> dict[str, Any]:
    said: dict[str, Any] = {
        "parent_model": "",
        "format": "",
        "family": ARCHITECTURE,
        "families": [ARCHITECTURE],
        "parameter_size": "",
        "quantization_level": "",
    }
    return said if card.context_length is None else said | {"context_length": card.context_length}


def _capabilities(entry: ModelEntry, card: _Card) -> list[str]:
    able = entry.targets.keys()
    said = ["completion"] if not (TALKS | {Capability.COMPLETION}).isdisjoint(able) else []
    if not TALKS.isdisjoint(able):
        said += [name for name, (field, usual) in TOLD.items() if card.metadata.get(field, usual)]
    return said + (["embedding"] if Capability.EMBEDDING in able else [])


def _tags(catalog: CatalogSnapshot, client: Client, query: bytes) -> bytes:
    """The models that the client may use, by name; patterns are no models."""
    served = (
        entry for entry in listed(catalog, client) if not entry.name.endswith(STAR) and not SERVED.isdisjoint(entry.targets)
    )
    return msgspec.json.encode({"models": [_listed(entry) for entry in served]})


def _listed(entry: ModelEntry) -> dict[str, Any]:
    card, name = _card(entry.card), tagged(entry.name)
    return {
        "name": name,
        "model": name,
        "modified_at": stamp(card.created),
        "size": 0,
        "digest": sha256(f"{entry.name}\n{card.created}".encode()).hexdigest(),
        "details": _details(card),
        "capabilities": _capabilities(entry, card),
    }


def _show(entry: ModelEntry) -> bytes:
    card = _card(entry.card)
    info: dict[str, Any] = {"general.architecture": ARCHITECTURE, "general.basename": entry.name}
    if card.context_length is not None:
        info[f"{ARCHITECTURE}.context_length"] = card.context_length
    said = {
        "license": "",
        "modelfile": f"FROM {tagged(entry.name)}\n",
        "parameters": "",
        "template": "",
        "details": _details(card),
        "model_info": info,
        "capabilities": _capabilities(entry, card),
        "modified_at": stamp(card.created),
    }
    return msgspec.json.encode(said)


def _error(failure: Failure, request_id: str) -> bytes:
    return _message(failure)


def _message(failure: Failure) -> bytes:
    return msgspec.json.encode({"error": failure.message})


def _identify(request_id: str) -> Headers:
    return ((b"x-request-id", request_id.encode("ascii")),)


OLLAMA = Dialect(
    name="ollama",
    prefixes=("/api",),
    credentials=(b"authorization", b"x-api-key", b"api-key"),
    query_key="",
    marks=(),
    forwarded=(),
    identify=_identify,
    shown=("retry-after", "x-request-id", "x-should-retry"),
    error=_error,
    error_headers=((b"content-type", b"application/json"),),
    events={},
    message=_message,
    ping=b"",  # clients read each line as an answer
    models=_tags,
    model=_show,
)
