"""What is in the catalog, and what will be? Plain values by name, loaded from the database or planned from a file.

Rows are known by their names (client keys by their hash), because files know nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from models_catalog import credentials
from models_catalog.changes.values import NOTHING, Lookup, ProviderContent, provider_content
from models_catalog.models import ClientKey, Credential, Fallback, ModelDefinition, Provider, Route
from models_catalog.models.columns import settings_of
from models_catalog.models.frozen import Settings, freeze
from models_catalog.secrets import encryption
from providers.types import Secret

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class CredentialState:
    """A credential. `secret` is its value where that was asked for, or the value to be stored."""

    source: str
    location: str = ""
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider; `credential` is the name of its row, `content.credential` what that row says."""

    content: ProviderContent
    credential: str | None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RouteState:
    """A route; `provider` is the name of the provider's row."""

    name: str
    provider: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class ModelState:
    settings: Settings
    routes: tuple[RouteState, ...]
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """A client key. `models` None allows every model; `key` is set for one to be stored; `usable` is false once revoked."""

    name: str
    models: frozenset[str] | None
    key: Secret | None = None
    usable: bool = True


@dataclass(slots=True)
class CatalogState:
    """The whole catalog, each kind by name."""

    credentials: dict[str, CredentialState] = field(default_factory=dict)
    providers: dict[str, ProviderState] = field(default_factory=dict)
    models: dict[str, ModelState] = field(default_factory=dict)
    keys: dict[str, KeyState] = field(default_factory=dict)

    def copy(self) -> CatalogState:
        return CatalogState(dict(self.credentials), dict(self.providers), dict(self.models), dict(self.keys))


def load(*, with_secrets: bool = False) -> CatalogState:
    """The catalog in the database. Stored secrets are decrypted only when asked for; one that does not decrypt is None."""
    routes = grouped(Route.objects.select_related("provider").order_by("position", "pk"), "model_id")
    fallbacks = grouped(Fallback.objects.select_related("fallback").order_by("position", "pk"), "model_id")
    allowed = grouped(ClientKey.allowed_models.through.objects.select_related("modeldefinition"), "clientkey_id")
    return CatalogState(
        credentials={row.name: _credential(row, with_secrets) for row in Credential.objects.order_by("name")},
        providers={row.name: _provider(row) for row in Provider.objects.select_related("credential").order_by("name")},
        models={row.name: _model(row, routes[row.pk], fallbacks[row.pk]) for row in ModelDefinition.objects.order_by("name")},
        keys={row.key_hash: _key(row, allowed[row.pk]) for row in ClientKey.objects.order_by("created_at", "pk")},
    )


def grouped(rows: Iterable[Row], column: str) -> defaultdict[Any, list[Row]]:
    """Rows by the value of a column. Whole tables are read: a list of all models would be too long for a query."""
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def _credential(row: Credential, with_secrets: bool) -> CredentialState:
    secret = _reveal(row) if with_secrets and row.source == Credential.Source.STORED else None
    return CredentialState(row.source, row.location, secret)


def _reveal(row: Credential) -> Secret | None:
    try:
        return credentials.reveal(row)
    except credentials.SecretUnavailable:
        return None


def lookup_of(name: str, credential: CredentialState) -> Lookup:
    """How a file would refer to the credential of that name."""
    if credential.source == "none":
        return NOTHING
    return Lookup(credential.source, name if credential.source == "stored" else credential.location)


def _provider(row: Provider) -> ProviderState:
    lookup = lookup_of(row.credential.name, _credential(row.credential, with_secrets=False)) if row.credential else NOTHING
    options = freeze({name: value for name, value in row.options.items() if value is not None})
    settings = settings_of(row, extra_headers=freeze(_headers(row)), options=options)
    content = provider_content(lookup, **settings)
    return ProviderState(content, row.credential.name if row.credential else None, row.enabled)


def _headers(row: Provider) -> dict[str, str]:
    """The headers with their values; what does not decrypt is one that no file can have, so that it is never written back."""
    try:
        return {name: value.reveal() for name, value in row.headers().items()}
    except encryption.EncryptionError:
        return {"(does not decrypt)": row.extra_headers.stored}


def _model(row: ModelDefinition, routes: list[Route], fallbacks: list[Fallback]) -> ModelState:
    states = [RouteState(route.name or route.provider.name, route.provider.name, _route(route, row)) for route in routes]
    return ModelState(settings_of(row), tuple(states), tuple(entry.fallback.name for entry in fallbacks))


def _route(row: Route, model: ModelDefinition) -> Settings:
    return settings_of(row, upstream_model=row.upstream_model or model.name)


def _key(row: ClientKey, allowed: list[Any]) -> KeyState:
    models = None if row.all_models else frozenset(entry.modeldefinition.name for entry in allowed)
    return KeyState(row.name, models, usable=row.enabled and row.revoked_at is None)
