"""Which rows do the tests of the admin look at?"""

from __future__ import annotations

from typing import Any

from models_catalog.models import Credential, Fallback, ModelDefinition, Provider, Route
from providers.types import Secret

SECRET = "sk-proj-Kx93canaryLq71vTzWm5Rb"


class Catalog:
    """Makes rows with as little said as possible."""

    def credential(self, name: str = "openai-key", secret: str = SECRET) -> Credential:
        row = Credential(name=name)
        row.set_secret(Secret(secret))
        row.save()
        return row

    def provider(self, name: str = "demo", **fields: Any) -> Provider:
        return Provider.objects.create(name=name, **{"type": "dummy", **fields})

    def model(
        self, name: str, *providers: Provider, fallbacks: tuple[ModelDefinition, ...] = (), **fields: Any
    ) -> ModelDefinition:
        row = ModelDefinition.objects.create(name=name, **fields)
        for position, provider in enumerate(providers):
            Route.objects.create(model=row, provider=provider, position=position)
        for position, fallback in enumerate(fallbacks):
            Fallback.objects.create(model=row, fallback=fallback, position=position)
        return row


def routes_of(row: ModelDefinition) -> list[tuple[str, int]]:
    """The names and positions of a model's routes, in order."""
    return [(route.name, route.position) for route in row.routes.order_by("position", "pk")]
