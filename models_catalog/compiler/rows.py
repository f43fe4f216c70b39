"""What does a compilation read? Each table once, whatever its size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from models_catalog.compiler.key_tables import KeyRows
from models_catalog.models import Credential, Fallback, Hook, ModelDefinition, Price, Provider, ProviderCredential, Route
from models_catalog.publish import Version, current_versions

R = TypeVar("R", bound=Model)


@dataclass(frozen=True, slots=True)
class Rows:
    """The whole catalog; with `chosen`, of models' routes and prices only theirs. The version is read first: it is never newer
    than the rows."""

    credentials: Mapping[UUID, Credential]
    providers: Mapping[int, Provider]
    shares: Mapping[int, Sequence[ProviderCredential]]
    models: Mapping[int, ModelDefinition]
    routes: Mapping[int, Sequence[Route]]
    fallbacks: Mapping[int, Sequence[int]]
    prices: Mapping[int, Sequence[Price]]
    hooks: Sequence[Hook]
    hook_keys: Mapping[UUID, Sequence[UUID]]
    keys: KeyRows
    chosen: Collection[int] | None = None

    @classmethod
    def read(cls, using: str, before: KeyRows | None = None) -> Rows:
        """All that routes requests; of the client keys, what has been written since `before`."""
        version = current_versions(using)
        return cls._routing(using, version, lambda *models: KeyRows.read(using, version, models, before))

    @classmethod
    def read_routing(cls, using: str, chosen: Collection[int] | None = None) -> Rows:
        """What routes requests to the chosen models, or to all; no client keys."""
        version = current_versions(using)
        return cls._routing(using, version, partial(KeyRows.none, version), chosen)

    @classmethod
    def _routing(
        cls,
        using: str,
        version: Version,
        keys: Callable[[Mapping[int, str], frozenset[str]], KeyRows],
        chosen: Collection[int] | None = None,
    ) -> Rows:
        models = {row.pk: row for row in ModelDefinition.objects.using(using).order_by("name")}
        fallbacks = Fallback.objects.using(using).order_by("position", "pk")
        used = Q(providers__enabled=True) | Q(shares__enabled=True, shares__provider__enabled=True)
        shares = ProviderCredential.objects.using(using).filter(enabled=True, provider__enabled=True).order_by("pk")
        return cls(
            credentials={row.pk: row for row in Credential.objects.using(using).filter(used).distinct()},
            providers={row.pk: row for row in Provider.objects.using(using).order_by("name")},
            shares=_grouped((row.provider_id, row) for row in shares),
            models=models,
            routes=_grouped((row.model_id, row) for row in _of(chosen, Route.objects.using(using).order_by("position", "pk"))),
            fallbacks=_grouped(fallbacks.values_list("model_id", "fallback_id")),
            prices=_grouped((row.model_id, row) for row in _of(chosen, Price.objects.using(using).order_by("pk"))),
            hooks=list(Hook.objects.using(using).order_by("position", "name")),
            hook_keys=_grouped(Hook.client_keys.through.objects.using(using).values_list("hook_id", "clientkey_id")),
            keys=keys(
                {pk: row.name for pk, row in models.items()}, frozenset(row.name for row in models.values() if row.enabled)
            ),
            chosen=chosen,
        )


def _of(chosen: Collection[int] | None, rows: QuerySet[R]) -> QuerySet[R]:
    return rows if chosen is None else rows.filter(model__in=chosen)


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> Mapping[Any, list[Any]]:
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)
