"""How are chosen offers added? As models with one route each, all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from django.core.exceptions import ValidationError
from django.db import transaction

from models_catalog import validation
from models_catalog.changes.prices import filled
from models_catalog.filling.offers import Offer, names_taken
from models_catalog.models import ModelDefinition, Provider, Route
from models_catalog.snapshot import STAR
from providers.registry import provider_type

AS_THERE: Mapping[str, str] = MappingProxyType({})


class NotAdded(Exception):
    """Nothing was added; each text says why of one model."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


def add(
    provider: Provider, offers: Sequence[Offer], prefix: str = "", *, rest: bool = False, called: Mapping[str, str] = AS_THERE
) -> list[ModelDefinition]:
    """The models that were added, named as at the provider with the prefix before it, or as `called` says of their ids. With
    `rest` a wildcard stands for all other names that begin with the prefix. Raises `NotAdded`."""
    own = {offer.id: called.get(offer.id) or prefix + offer.id for offer in offers}
    names = [*own.values()] + ([prefix + STAR] if rest else [])
    with transaction.atomic():
        faults = list(_faults(names, offers, prefix, rest=rest))
        if faults:
            raise NotAdded(faults)
        made = [_added(provider, offer, own[offer.id]) for offer in offers]
        if rest:
            made.append(_wildcard(provider, prefix))
    return made


def _faults(names: Sequence[str], offers: Sequence[Offer], prefix: str, *, rest: bool) -> list[str]:
    faults = [f"{name}: a model with this name already exists." for name in sorted(names_taken(names))]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    faults += [f"{name}: it is given to more than one model." for name in repeated]
    faults += [
        f"{offer.id}: none of what it does can be served by this type of provider." for offer in offers if not offer.capabilities
    ]
    if rest and not prefix:
        faults.append("A wildcard needs a prefix: without one it would stand for every name.")
    for name in names:
        try:
            ModelDefinition(name=name).clean_fields(
                exclude=[field.name for field in ModelDefinition._meta.fields if field.name != "name"]
            )
            validation.check_name(name)
        except ValidationError as err:
            faults.append(f"{name}: {' '.join(err.messages)}")
    return faults


def _added(provider: Provider, offer: Offer, name: str) -> ModelDefinition:
    row = ModelDefinition.objects.create(
        name=name,
        capabilities=[capability.value for capability in offer.capabilities],
        context_length=offer.context_length,
    )
    Route.objects.create(model=row, provider=provider, upstream_model=offer.id)
    for state in offer.prices:
        filled(row, state, {}).save()
    return row


def _wildcard(provider: Provider, prefix: str) -> ModelDefinition:
    able = [capability.value for capability in sorted(provider_type(provider.type).capabilities)]
    row = ModelDefinition.objects.create(name=prefix + STAR, capabilities=able)
    Route.objects.create(model=row, provider=provider, upstream_model=STAR)
    return row
