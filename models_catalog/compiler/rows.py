"""What does a compilation read? Each table once, whatever its size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from models_catalog.models import ClientKey, Credential, Fallback, ModelDefinition, Provider, Route
from models_catalog.publish import Version, current_versions


class KeyRow(NamedTuple):
    """What is read of a client key: there may be very many."""

    pk: UUID
    name: str
    key_hash: str
    all_models: bool
    record_bodies: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyRows:
    """The client keys in force, and the models that each may use. `names` are those of all models."""

    version: Version
    names: Mapping[int, str]
    client_keys: Sequence[KeyRow]
    allowed_models: Mapping[UUID, Sequence[int]]

    @classmethod
    def read(cls, using: str, version: Version, names: Mapping[int, str] | None = None) -> KeyRows:
        """`names` if they are known already."""
        allowed = ClientKey.allowed_models.through.objects.using(using)
        client_keys = ClientKey.objects.using(using).filter(enabled=True, revoked_at__isnull=True)
        rows = ModelDefinition.objects.using(using).values_list("pk", "name")
        return cls(
            version=version,
            names=dict(rows) if names is None else names,
            client_keys=[KeyRow(*row) for row in client_keys.values_list(*KeyRow._fields)],
            allowed_models=_grouped(allowed.values_list("clientkey_id", "modeldefinition_id")),
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """The whole catalog. The version is read first: it is never newer than the rows."""

    credentials: Mapping[UUID, Credential]
    providers: Mapping[int, Provider]
    models: Mapping[int, ModelDefinition]
    routes: Mapping[int, Sequence[Route]]
    fallbacks: Mapping[int, Sequence[int]]
    keys: KeyRows

    @classmethod
    def read(cls, using: str) -> Rows:
        version = current_versions(using)
        models = {row.pk: row for row in ModelDefinition.objects.using(using).order_by("name")}
        fallbacks = Fallback.objects.using(using).order_by("position", "pk")
        return cls(
            credentials={row.pk: row for row in Credential.objects.using(using).filter(providers__enabled=True).distinct()},
            providers={row.pk: row for row in Provider.objects.using(using).order_by("name")},
            models=models,
            routes=_grouped((row.model_id, row) for row in Route.objects.using(using).order_by("position", "pk")),
            fallbacks=_grouped(fallbacks.values_list("model_id", "fallback_id")),
            keys=KeyRows.read(using, version, {pk: row.name for pk, row in models.items()}),
        )


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> Mapping[Any, list[Any]]:
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)
