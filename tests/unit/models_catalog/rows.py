"""How do the tests fill a catalog? With a few lines a row."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from models_catalog.models import Credential, Fallback, ModelDefinition, Provider, Route
from providers.types import Secret

KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(1, 5)]
IDS = [hashlib.sha256(base64.b64decode(key)).hexdigest()[:8] for key in KEYS]
CANARY = "sk-canary-7d31f0a95c44"
"""A secret that must not be seen anywhere."""


def stored(name: str = "stored", secret: str = CANARY) -> Credential:
    row = Credential(name=name)
    row.set_secret(Secret(secret))
    row.full_clean()
    row.save()
    return row


def provider(name: str = "openai", kind: str = "openai", **fields: Any) -> Provider:
    return Provider.objects.create(name=name, type=kind, **fields)


def model(name: str = "gpt", providers: Sequence[Provider] = (), **fields: Any) -> ModelDefinition:
    """A model with one route to each provider, in order."""
    row = ModelDefinition.objects.create(name=name, **fields)
    for position, upstream in enumerate(providers):
        Route.objects.create(model=row, provider=upstream, position=position)
    return row


def fall_back(row: ModelDefinition, *fallbacks: ModelDefinition) -> None:
    for position, fallback in enumerate(fallbacks):
        Fallback.objects.create(model=row, fallback=fallback, position=position)


def migrate(name: str | None = None) -> None:
    """Takes the tables of the catalog to a migration; without a name, to the newest."""
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes("models_catalog")
    executor.migrate([("models_catalog", name)] if name else newest)
