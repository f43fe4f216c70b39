"""Which model is meant? From the name in the request to the entry of the snapshot."""

from __future__ import annotations

from models_catalog.snapshot import MODEL_PREFIX, CatalogSnapshot, Client, ModelEntry
from openai_api.errors import model_not_found


def resolve_model(name: str, client: Client, catalog: CatalogSnapshot) -> ModelEntry:
    """The entry of that name, or of the one that it means for this key; also behind the prefix `tensorzero::model_name::`; else
    of the pattern that fits it best.

    Raises 404 `model_not_found`, the same for a model that does not exist and one that the key may not use.
    """
    asked, name = name, client.meant(name) if client.aliases else name
    entry = catalog.models.get(name) or catalog.models.get(name.removeprefix(MODEL_PREFIX))
    if entry is None and catalog.wildcards:
        entry = catalog.wildcards.find(name.removeprefix(MODEL_PREFIX))
    if entry is None or not client.may_use(entry.name) or not client.may_say(asked):
        raise model_not_found(asked)
    return entry
