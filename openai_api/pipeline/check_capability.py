"""Can the model do what is asked?"""

from __future__ import annotations

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.dialects.listed import listed
from openai_api.errors import invalid
from providers.capabilities import Capability

MAX_NAMED = 20


def check_capability(entry: ModelEntry, capability: Capability, client: Client, catalog: CatalogSnapshot) -> None:
    """Raises 400 `capability_not_supported`, which names the models of this key that have it."""
    if capability in entry.targets:
        return
    able = [other.name for other in listed(catalog, client) if capability in other.targets]
    named = ", ".join(able[:MAX_NAMED]) + (", …" if len(able) > MAX_NAMED else "")
    hint = f"Models that do: {named}." if able else "None of your models does."
    raise invalid("capability_not_supported", f"The model {entry.name!r} does not support {capability.value}. {hint}", "model")
