"""Which model of the client leads to the target where a response lies, and under which name did the client ask for it?

A response of a fallback model belongs to the model that was asked for: whoever may use that one, finds it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from models_catalog.snapshot import MODEL_PREFIX, CatalogSnapshot, Client, ModelEntry
from openai_api.responses.ids import ResponseIds, Sealed, tag
from providers.capabilities import Capability
from providers.types import Target


def reaches(entry: ModelEntry, target: str, capability: Capability, catalog: CatalogSnapshot) -> bool:
    """Whether a request to the model may come to the target, by its own routes or by fallback models."""
    return any(_serves(leg, target, capability) for leg in catalog.chain(entry, capability))


def lies_at(entry: ModelEntry, sealed: Sealed, capability: Capability, client: Client, catalog: CatalogSnapshot) -> str | None:
    """The target of a request to the model that knows the response: the one that made it, else one of the same account at the
    same provider, if the client may use a model there that leads to the response. None if there is none."""
    if reaches(entry, sealed.target, capability, catalog):
        return sealed.target
    found = model_of(sealed, capability, client, catalog)
    if found is None:
        return None
    homes = (target for leg in catalog.chain(found[0], capability) for target in leg.targets[capability])
    home = account_of(next(target for target in homes if target.id == sealed.target))
    targets = (target for leg in catalog.chain(entry, capability) for target in leg.targets[capability])
    return next((target.id for target in targets if target.keeps_responses and account_of(target) == home), None)


def account_of(target: Target) -> tuple[object, ...]:
    """What a target has in common with all that see the same responses: where they lie, and who asks for them."""
    config = target.adapter.config
    return (config.provider, config.provider_type, config.api_base, config.credential, config.extra_headers)


def model_of(sealed: Sealed, capability: Capability, client: Client, catalog: CatalogSnapshot) -> tuple[ModelEntry, str] | None:
    """The first model that the client may use and that reaches the response's target, with the name to tell: the one that
    was asked for if it is known, else the one whose route it is, else any."""
    usable = [
        entry for entry in catalog.entries() if client.may_use(entry.name) and reaches(entry, sealed.target, capability, catalog)
    ]
    if sealed.asked:
        for entry in usable:
            for name in (entry.name, MODEL_PREFIX + entry.name):
                if tag(name) == sealed.asked:
                    return entry, name
    own = [entry for entry in usable if _serves(entry, sealed.target, capability)]
    found = next(iter(own or usable), None)
    return None if found is None else (found, found.name)


def sealing(ids: ResponseIds, client: Client, entry: ModelEntry, asked: str, capability: Capability) -> Callable[[str, str], str]:
    """What makes the outside ids of the responses to a request that names the model `asked`. A response of the model's own
    route needs no name in its id, and has the same one however it is asked for."""
    return partial(_sealed, ids, client.id, entry, asked, capability)


def _sealed(
    ids: ResponseIds, owner: str, entry: ModelEntry, asked: str, capability: Capability, target: str, upstream_id: str
) -> str:
    own = asked == entry.name and _serves(entry, target, capability)
    return ids.seal(owner, target, upstream_id, "" if own else tag(asked))


def _serves(entry: ModelEntry, target: str, capability: Capability) -> bool:
    return any(known.id == target for known in entry.targets.get(capability, ()))
