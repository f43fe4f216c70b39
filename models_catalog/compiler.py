"""How do rows become a snapshot? One consistent read with a fixed number of queries; bad rows are left out and reported."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.urls import NoReverseMatch, reverse

from models_catalog import addresses, encryption, secrets, validation
from models_catalog.cards import Card, prices_of
from models_catalog.consistent_read import consistent_read
from models_catalog.models import ClientKey, Credential, Fallback, ModelDefinition, Provider, Route
from models_catalog.patterns import one_of_many
from models_catalog.publish import current_version
from models_catalog.snapshot import (
    STAR,
    CatalogSnapshot,
    Client,
    ModelEntry,
    Problem,
    RetryPolicy,
    Wildcard,
    Wildcards,
)
from providers import registry, types
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.types import Target, TargetConfig, TargetTimeouts

SHA256 = re.compile("[0-9a-f]{64}")
Built = TypeVar("Built")


def compile_snapshot(using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """The catalog as it is in the database. Raises database errors only: a bad row becomes a `Problem`."""
    with consistent_read(using):
        rows = Rows.read(using)
    return Compiler(rows).snapshot()


class KeyRow(NamedTuple):
    """What is read of a client key: there may be very many."""

    pk: UUID
    name: str
    key_hash: str
    all_models: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rows:
    """What one compilation reads. The version comes first: it is never newer than the rows."""

    version: int
    credentials: Mapping[UUID, Credential]
    providers: Mapping[int, Provider]
    models: Mapping[int, ModelDefinition]
    routes: Mapping[int, Sequence[Route]]
    fallbacks: Mapping[int, Sequence[int]]
    client_keys: Sequence[KeyRow]
    allowed_models: Mapping[UUID, Sequence[int]]

    @classmethod
    def read(cls, using: str) -> Rows:
        version = current_version(using)
        allowed = ClientKey.allowed_models.through.objects.using(using)
        fallbacks = Fallback.objects.using(using).order_by("position", "pk")
        client_keys = ClientKey.objects.using(using).filter(enabled=True, revoked_at__isnull=True)
        return cls(
            version=version,
            credentials={row.pk: row for row in Credential.objects.using(using).filter(providers__enabled=True).distinct()},
            providers={row.pk: row for row in Provider.objects.using(using).order_by("name")},
            models={row.pk: row for row in ModelDefinition.objects.using(using).order_by("name")},
            routes=_grouped((row.model_id, row) for row in Route.objects.using(using).order_by("position", "pk")),
            fallbacks=_grouped(fallbacks.values_list("model_id", "fallback_id")),
            client_keys=[KeyRow(*row) for row in client_keys.values_list(*KeyRow._fields)],
            allowed_models=_grouped(allowed.values_list("clientkey_id", "modeldefinition_id")),
        )


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> Mapping[Any, list[Any]]:
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


class Unusable(Exception):
    """A row cannot be compiled; the text says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider row, ready to be combined with its routes."""

    row: Provider
    kind: registry.ProviderType
    api_base: str
    credential: types.Credential
    extra_headers: tuple[tuple[str, str], ...]
    extra_body: Mapping[str, bytes]


class Compiler:
    """Turns the rows of one moment into a snapshot and collects what is wrong with them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._problems: list[Problem] = []
        self._credentials: dict[UUID, types.Credential | None] = {}
        self._upstreams: dict[int, Upstream | None] = {}

    def snapshot(self) -> CatalogSnapshot:
        for provider in self._rows.providers.values():
            if provider.enabled:
                self._upstream_of(provider)
        enabled = [row for row in self._rows.models.values() if row.enabled]
        built = {row.name: self._attempt(f"model {row.name}", row, partial(self._entry, row)) for row in enabled}
        entries = {name: entry for name, entry in built.items() if entry is not None}
        self._report_cycle()
        exact = {name: entry for name, entry in entries.items() if not name.endswith(STAR)}
        served = {name: self._with_known_fallbacks(entry, exact) for name, entry in entries.items()}
        patterns = [Wildcard(name[:-1], entry, self._builder(entry)) for name, entry in served.items() if name not in exact]
        body = b'{"object":"list","data":[' + b",".join(entry.card for entry in served.values()) + b"]}"
        return CatalogSnapshot(
            version=self._rows.version,
            clients=MappingProxyType(self._clients()),
            models=MappingProxyType({name: served[name] for name in exact}),
            problems=tuple(self._problems),
            models_body=body,
            wildcards=Wildcards(patterns, frozenset(row.name for row in self._rows.models.values())),
        )

    def _builder(self, pattern: ModelEntry) -> Callable[[str], ModelEntry | None]:
        """What makes the entry of one name of a pattern."""
        row = next(row for row in self._rows.models.values() if row.name == pattern.name)
        routes = []
        for route in self._rows.routes.get(row.pk, ()):
            upstream = self._upstream_of(self._rows.providers[route.provider_id]) if self._is_on(route) else None
            if upstream is not None:
                routes.append((upstream.kind, _target_config(row, route, upstream)))
        return partial(one_of_many, pattern, Card(row), tuple(routes))

    def _attempt(self, where: str, row: models.Model, build: Callable[[], Built]) -> Built | None:
        """What `build` makes; None and a problem when it cannot. No row may cost more than itself."""
        try:
            return build()
        except Unusable as err:
            self._report(where, str(err), row)
        except Exception as err:  # noqa: BLE001  whatever a row or an adapter makes go wrong, the other rows are served
            self._report(where, f"It is left out: an unexpected {type(err).__name__} came up.", row)
        return None

    def _report(
        self, where: str, message: str, row: models.Model, lost: Capability | None = None, *, harmless: bool = False
    ) -> None:
        self._problems.append(Problem(where, message, _admin_path(row), lost, harmless))

    # Models

    def _entry(self, row: ModelDefinition) -> ModelEntry:
        _check(row)
        routes = [route for route in self._rows.routes.get(row.pk, ()) if self._is_on(route)]
        built = [made for route in routes if (made := self._target_of(row, route)) is not None]
        if not built:
            raise Unusable("It is not served: none of its routes is usable.")
        targets = {}
        for capability in (known for known in Capability if known in row.capabilities):
            targets[capability] = tuple(target for target, capabilities in built if capability in capabilities)
            if not targets[capability]:
                del targets[capability]
                self._report(
                    f"model {row.name}", f"It loses the capability {capability}: no usable route has it.", row, capability
                )
        if not targets:
            raise Unusable("It is not served: no capability is left.")
        return ModelEntry(
            name=row.name,
            capabilities=frozenset(targets),
            targets=MappingProxyType(targets),
            fallbacks=self._fallback_names(row),
            retry=RetryPolicy(row.num_retries, row.max_retry_delay_s),
            prices=prices_of(row),
            card=Card(row).of(row.name, targets),
        )

    def _fallback_names(self, row: ModelDefinition) -> tuple[str, ...]:
        names = [self._rows.models[pk].name for pk in self._rows.fallbacks.get(row.pk, ())]
        return tuple(name for name in dict.fromkeys(names) if name != row.name)

    @staticmethod
    def _with_known_fallbacks(entry: ModelEntry, entries: Mapping[str, ModelEntry]) -> ModelEntry:
        """Disabled and unusable models are no fallbacks; the unusable ones were reported already."""
        return dataclasses.replace(entry, fallbacks=tuple(name for name in entry.fallbacks if name in entries))

    def _report_cycle(self) -> None:
        enabled = {pk: row for pk, row in self._rows.models.items() if row.enabled}
        fallbacks = {pk: others for pk, others in self._rows.fallbacks.items() if pk in enabled}
        graph = {
            enabled[pk].name: [enabled[other].name for other in others if other in enabled] for pk, others in fallbacks.items()
        }
        cycle = validation.find_cycle(graph, sorted(graph))
        if cycle:
            row = next(row for row in enabled.values() if row.name == cycle[0])
            message = f"The fallbacks run in a circle: {' → '.join(cycle)}. Each model is tried once."
            self._report(f"model {row.name}", message, row, harmless=True)

    # Routes

    def _is_on(self, route: Route) -> bool:
        return route.enabled and self._rows.providers[route.provider_id].enabled

    def _target_of(self, model: ModelDefinition, route: Route) -> tuple[Target, frozenset[Capability]] | None:
        return self._attempt(f"model {model.name}, route {route.name}", model, partial(self._target, model, route))

    def _target(self, model: ModelDefinition, route: Route) -> tuple[Target, frozenset[Capability]]:
        """The target of a route and what it can do."""
        provider = self._rows.providers[route.provider_id]
        upstream = self._upstream_of(provider)
        if upstream is None:
            raise Unusable(f"It is left out: the provider {provider.name} is unusable.")
        try:
            target = upstream.kind.target(_target_config(model, route, upstream))
            return target, upstream.kind.capabilities_of(target.upstream_model)
        except ConfigurationError as err:
            raise Unusable(f"It is left out: {err.field}: {err.message}") from err

    # Providers and credentials, each looked at once, also those without a route

    def _upstream_of(self, row: Provider) -> Upstream | None:
        if row.pk not in self._upstreams:
            self._upstreams[row.pk] = self._attempt(f"provider {row.name}", row, partial(self._upstream, row))
        return self._upstreams[row.pk]

    def _upstream(self, row: Provider) -> Upstream:
        _check(row)
        credential = types.Credential() if row.credential_id is None else self._credential_of(row.credential_id)
        if credential is None:
            raise Unusable("It is left out: its credential is unusable.")
        return Upstream(
            row=row,
            kind=registry.provider_type(row.type),
            api_base=_address(row),
            credential=credential,
            extra_headers=tuple((name.lower(), value) for name, value in _headers(row).items()),
            extra_body=MappingProxyType({name: msgspec.json.encode(value) for name, value in row.extra_body.items()}),
        )

    def _credential_of(self, pk: UUID) -> types.Credential | None:
        if pk not in self._credentials:
            row = self._rows.credentials[pk]
            self._credentials[pk] = self._attempt(f"credential {row.name}", row, partial(_credential, row))
        return self._credentials[pk]

    # Clients

    def _clients(self) -> dict[bytes, Client]:
        names = {pk: row.name for pk, row in self._rows.models.items()}
        clients = {}
        for row in self._rows.client_keys:
            if not SHA256.fullmatch(row.key_hash):
                message = "It is left out: its stored hash is not a SHA-256."
                self._report(f"client key {row.name}", message, ClientKey(pk=row.pk))
                continue
            chosen = self._rows.allowed_models.get(row.pk, ())
            allowed = None if row.all_models else frozenset(names[pk] for pk in chosen if pk in names)
            expires_at = row.expires_at.timestamp() if row.expires_at else None
            prefixes = tuple(name[:-1] for name in allowed or () if name.endswith(STAR))
            clients[bytes.fromhex(row.key_hash)] = Client(str(row.pk), row.name, allowed, expires_at, prefixes)
        return clients


def _credential(row: Credential) -> types.Credential:
    try:
        return secrets.resolve(row)
    except secrets.SecretUnavailable as err:
        raise Unusable(f"It is unusable: {err}.") from err


def _headers(row: Provider) -> dict[str, str]:
    try:
        headers = {name: value.reveal() for name, value in row.headers().items()}
        validation.check_headers(headers)
    except encryption.EncryptionError as err:
        raise Unusable(f"It is left out: its headers cannot be decrypted: {err}.") from err
    except ValidationError as err:
        raise Unusable(f"It is left out: extra_headers: {' '.join(err.messages)}") from err
    return headers


def _check(row: ModelDefinition | Provider) -> None:
    """The rules of `validation`: rows may have been written past the forms."""
    try:
        validation.check_name(row.name)
        row.check_rules()
    except ValidationError as err:
        errors = err.message_dict if hasattr(err, "error_dict") else {"name": err.messages}
        texts = (f"{field}: {message}" for field, messages in errors.items() for message in messages)
        raise Unusable(f"It is left out: {' '.join(texts)}") from err


def _address(row: Provider) -> str:
    try:
        return addresses.resolve(row.api_base)
    except addresses.Unset as err:
        raise Unusable(f"It is left out: api_base: {err}.") from err


def _target_config(model: ModelDefinition, route: Route, upstream: Upstream) -> TargetConfig:
    return TargetConfig(
        id=str(route.pk),
        model=model.name,
        provider=upstream.row.name,
        provider_type=upstream.row.type,
        upstream_model=route.upstream_model or model.name,
        api_base=upstream.api_base,
        credential=upstream.credential,
        extra_headers=upstream.extra_headers,
        extra_body=upstream.extra_body,
        options=MappingProxyType(upstream.row.options),
        timeouts=timeouts_of(model),
    )


def timeouts_of(model: ModelDefinition) -> TargetTimeouts:
    """The model's own, else the settings', else the defaults of whole answers and of streams."""
    return TargetTimeouts.of(
        connect=model.connect_timeout_s or settings.GATEWAY_CONNECT_TIMEOUT_S,
        first_byte=model.first_byte_timeout_s or settings.GATEWAY_FIRST_BYTE_TIMEOUT_S,
        idle=model.idle_timeout_s or settings.GATEWAY_IDLE_TIMEOUT_S,
        total=model.total_timeout_s or settings.GATEWAY_TOTAL_TIMEOUT_S,
    )


def _admin_path(row: models.Model) -> str:
    """The page where the row can be repaired, "" without an admin."""
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""
