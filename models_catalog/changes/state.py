"""What is in the catalog, and what will be? Plain values by name, loaded from the database or planned from a file.

Rows are known by their names (client keys by their hash), because files know nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from models_catalog import credentials
from models_catalog.changes.prices import PriceState, price_states
from models_catalog.changes.values import NOTHING, Lookup, ProviderContent, ShareContent, provider_content
from models_catalog.models import (
    ClientKey,
    Credential,
    Fallback,
    Hook,
    ModelDefinition,
    Price,
    Provider,
    ProviderCredential,
    Route,
)
from models_catalog.models.columns import settings_of
from models_catalog.models.frozen import Settings, freeze
from models_catalog.models.hook import UNREADABLE
from models_catalog.secrets import encryption
from providers.types import Secret

Row = TypeVar("Row")
DIGEST = "sha256::"
"""Before the beginning of a client key's digest, where a file has no name for it."""


@dataclass(frozen=True, slots=True)
class CredentialState:
    """A credential. `secret` is its value where that was asked for, or the value to be stored."""

    source: str
    location: str = ""
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider; `credential` is the name of its row, `content.credential` what that row says. `more` are the names of the rows
    of its further credentials, in the order of `content.more`."""

    content: ProviderContent
    credential: str | None
    enabled: bool = True
    more: tuple[str, ...] = ()

    @property
    def credentials(self) -> frozenset[str]:
        """The names of all credentials that it needs."""
        return frozenset({*self.more, *([self.credential] if self.credential else ())})


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
    prices: tuple[PriceState, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """A client key. `models` None allows every model; `key` is set for one to be stored; `usable` is false once revoked."""

    name: str
    models: frozenset[str] | None
    key: Secret | None = None
    usable: bool = True


@dataclass(frozen=True, slots=True)
class HookState:
    """A hook. `keys` are the digests of the client keys that it runs for, None for all."""

    settings: Settings
    keys: frozenset[str] | None = None


@dataclass(slots=True)
class CatalogState:
    """The whole catalog, each kind by name."""

    credentials: dict[str, CredentialState] = field(default_factory=dict)
    providers: dict[str, ProviderState] = field(default_factory=dict)
    models: dict[str, ModelState] = field(default_factory=dict)
    keys: dict[str, KeyState] = field(default_factory=dict)
    hooks: dict[str, HookState] = field(default_factory=dict)

    def copy(self) -> CatalogState:
        return CatalogState(dict(self.credentials), dict(self.providers), dict(self.models), dict(self.keys), dict(self.hooks))


def key_names(keys: Mapping[str, KeyState]) -> dict[str, str]:
    """What files call client keys, by their digests: their names, or the beginning of the digest where two have one name."""
    counts = Counter(key.name for key in keys.values())
    return {digest: key.name if counts[key.name] == 1 else DIGEST + digest[:12] for digest, key in keys.items()}


def load(*, with_secrets: bool = False, published: bool = True) -> CatalogState:
    """The catalog in the database. Stored secrets are decrypted only when asked for; one that does not decrypt is None. Without
    `published` the rows that another program publishes are left out; its client keys always are."""
    routes = grouped(Route.objects.select_related("provider").order_by("position", "pk"), "model_id")
    fallbacks = grouped(Fallback.objects.select_related("fallback").order_by("position", "pk"), "model_id")
    allowed = grouped(ClientKey.allowed_models.through.objects.select_related("modeldefinition"), "clientkey_id")
    prices = grouped(Price.objects.order_by("pk"), "model_id")
    own: dict[str, Any] = {} if published else {"origin": ""}
    credentials = Credential.objects.filter(**own).order_by("name")
    providers = Provider.objects.filter(**own).select_related("credential").order_by("name")
    shares = grouped(ProviderCredential.objects.select_related("credential").order_by("pk"), "provider_id")
    models = ModelDefinition.objects.filter(**own).order_by("name")
    keys = ClientKey.objects.filter(origin="").order_by("created_at", "pk")
    return CatalogState(
        credentials={row.name: credential_state(row, with_secrets) for row in credentials},
        providers={row.name: provider_state(row, shares[row.pk]) for row in providers},
        models={row.name: model_state(row, routes[row.pk], fallbacks[row.pk], prices[row.pk]) for row in models},
        keys={row.key_hash: _key(row, allowed[row.pk]) for row in keys},
        hooks={row.name: hook_state(row) for row in Hook.objects.prefetch_related("client_keys").order_by("position", "name")},
    )


def grouped(rows: Iterable[Row], column: str) -> defaultdict[Any, list[Row]]:
    """Rows by the value of a column. Whole tables are read: a list of all models would be too long for a query."""
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def credential_state(row: Credential, with_secrets: bool = False) -> CredentialState:
    """The state of a row."""
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


def _lookup(row: Credential) -> Lookup:
    return lookup_of(row.name, credential_state(row, with_secrets=False))


def provider_state(row: Provider, shares: list[ProviderCredential]) -> ProviderState:
    """The state of a row, with the values of its headers; the shares are its own, in their order."""
    lookup = _lookup(row.credential) if row.credential else NOTHING
    more = tuple(ShareContent(_lookup(share.credential), share.weight, share.enabled) for share in shares)
    options = freeze({name: value for name, value in row.options.items() if value is not None})
    settings = settings_of(row, extra_headers=freeze(_headers(row)), options=options)
    content = provider_content(lookup, more, **settings)
    names = tuple(share.credential.name for share in shares)
    return ProviderState(content, row.credential.name if row.credential else None, row.enabled, names)


def _headers(row: Provider) -> dict[str, str]:
    """The headers with their values; what does not decrypt is one that no file can have, so that it is never written back."""
    try:
        return {name: value.reveal() for name, value in row.headers().items()}
    except encryption.EncryptionError:
        return {"(does not decrypt)": row.extra_headers.stored}


def hook_state(row: Hook) -> HookState:
    """The state of a row, with the values of its secrets; `client_keys` are best prefetched."""
    try:
        secrets = {place: value.reveal() for place, value in row.kept_secrets().items()}
    except encryption.EncryptionError:  # as with headers
        secrets = {UNREADABLE: row.secrets.stored}
    settings = settings_of(row, options=freeze(row.options), secrets=freeze(secrets))
    return HookState(settings, None if row.all_client_keys else frozenset(key.key_hash for key in row.client_keys.all()))


def model_state(row: ModelDefinition, routes: list[Route], fallbacks: list[Fallback], prices: list[Price]) -> ModelState:
    """The state of a row; the others are its own, in their order."""
    states = [RouteState(route.name or route.provider.name, route.provider.name, _route(route, row)) for route in routes]
    known = price_states(prices, {route.pk: state.name for route, state in zip(routes, states, strict=True)})
    return ModelState(settings_of(row), tuple(states), tuple(entry.fallback.name for entry in fallbacks), known)


def _route(row: Route, model: ModelDefinition) -> Settings:
    return settings_of(row, upstream_model=row.upstream_model or model.name)


def _key(row: ClientKey, allowed: list[Any]) -> KeyState:
    models = None if row.all_models else frozenset(entry.modeldefinition.name for entry in allowed)
    return KeyState(row.name, models, usable=row.enabled and row.revoked_at is None)
