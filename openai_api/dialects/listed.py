"""Which models does a client see in a list? Those that it may use, and the names of its own for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry

_object: Any = msgspec.json.Decoder(dict[str, Any]).decode


def listed(catalog: CatalogSnapshot, client: Client) -> list[ModelEntry]:
    """The models and patterns, by name. A name of the client's own stands before a model of that name; a client that is published
    has no others."""
    own = list(_aliases(catalog, client))
    if client.published:
        return sorted(own, key=lambda entry: entry.name)
    taken = {entry.name for entry in own}
    entries = (entry for entry in catalog.entries() if entry.name not in taken and client.may_use(entry.name))
    return sorted((*own, *entries), key=lambda entry: entry.name)


def named(entry: ModelEntry, name: str) -> ModelEntry:
    """The model under a name of the client's own; its card says that name, and is otherwise the model's."""
    return (
        entry if entry.name == name else replace(entry, name=name, card=msgspec.json.encode(_object(entry.card) | {"id": name}))
    )


def _aliases(catalog: CatalogSnapshot, client: Client) -> Iterator[ModelEntry]:
    for name, meant in client.aliases.items():
        entry = catalog.models.get(meant) or catalog.wildcards.find(meant)
        if entry is not None and client.may_use(entry.name):
            yield named(entry, name)
