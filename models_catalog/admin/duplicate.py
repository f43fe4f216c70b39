"""How is a model copied? With its routes and fallbacks, under a new name, switched off until somebody looks at it."""

from __future__ import annotations

from itertools import chain, count

from django.db import transaction
from django.db.models import Model

from models_catalog.models import ModelDefinition

MAX_NAME = 200


@transaction.atomic
def duplicate(source: ModelDefinition, name: str) -> ModelDefinition:
    """The saved copy. `name` must be free."""
    routes, fallbacks = list(source.routes.all()), list(source.fallbacks.all())
    copied = ModelDefinition.objects.get(pk=source.pk)
    copied.name, copied.enabled = name, False
    insert(copied)
    for route in routes:
        route.model = copied
        insert(route)
    for fallback in fallbacks:
        fallback.model = copied
        insert(fallback)
    return copied


def insert(row: Model) -> None:
    """Saves a loaded row as a new one."""
    row.pk = None
    row._state.adding = True  # noqa: SLF001  documented as the way to copy a row
    row.save()


def free_name(source: ModelDefinition) -> str:
    """`name-copy`, or with the first number that is free."""
    endings = chain(["-copy"], (f"-copy-{number}" for number in count(2)))
    names = (source.name[: MAX_NAME - len(ending)] + ending for ending in endings)
    return next(name for name in names if not ModelDefinition.objects.filter(name=name).exists())
