"""What is published of a model? A table as in a configuration file, and the key of its provider, which may be encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.conf import settings
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from models_catalog.changes.rows import fill_provider, fill_route
from models_catalog.changes.state import ProviderState, RouteState
from models_catalog.changes.values import ProviderContent
from models_catalog.config.document import ModelSpec, RouteSpec
from models_catalog.config.findings import Findings
from models_catalog.config.gateway.read import read_model
from models_catalog.key_import.decryption import UNREADABLE, decrypt_key, looks_encrypted
from models_catalog.key_import.private_key import configured_private_key
from models_catalog.key_import.rows import PrivateKeyError
from models_catalog.key_import.shapes import fault_of_key
from models_catalog.models import ModelDefinition, Provider, Route
from models_catalog.models.columns import fill
from models_catalog.publication.values import BadValue
from providers.types import Secret

API_KEY = "api_key"
STORED = "store_{}"
"""What the key of a model is called in the `api_key_location` of its providers, and in the catalog."""
ROWS = frozenset({"credential", "model", "provider"})
SHOWN_ERRORS = 3


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A sound model; `secret` is the key of its providers that refer to `store_<id>`."""

    spec: ModelSpec
    secret: Secret | None


class ModelReader:
    """Reads published models. The private key is loaded when the first model needs it."""

    @sensitive_variables()
    def read(self, name: str, table: Mapping[str, Any]) -> PublishedModel:
        """Raises `BadValue`."""
        values = dict(table)
        given = values.pop(API_KEY, None)
        findings = Findings()
        spec = read_model(name, values, findings)
        if findings.errors or spec is None:
            told = [str(error) for error in findings.errors[:SHOWN_ERRORS]]
            raise BadValue("; ".join(told) or "the model cannot be read")
        _check(spec)
        return PublishedModel(spec, None if given is None else self._secret(given))

    @sensitive_variables()
    def _secret(self, given: Any) -> Secret:
        if not isinstance(given, str):
            raise BadValue(f"{API_KEY} must be a text")
        value: Secret | None = Secret(given)
        if self._private_key is not None:
            pkcs1v15 = settings.GATEWAY_REDIS_PUBLICATION_OLD_PADDING
            value = decrypt_key(self._private_key, Secret(given), pkcs1v15=pkcs1v15, pattern=None)
            if value is None:
                raise BadValue(f"{API_KEY}: {UNREADABLE}")
        elif looks_encrypted(given):
            raise BadValue(f"{API_KEY} looks RSA-encrypted, but there is no private key: set GATEWAY_RSA_PRIVATE_KEY or _PATH")
        elif fault := fault_of_key(given):
            raise BadValue(f"{API_KEY}: {fault}")
        return Secret(given) if value is None else value

    @property
    def _private_key(self) -> RSAPrivateKey | None:
        found = self._loaded
        if isinstance(found, str):
            raise BadValue(found)
        return found

    @cached_property
    def _loaded(self) -> RSAPrivateKey | str | None:
        """The configured private key, None if there is none, or why it cannot be used."""
        if not (settings.GATEWAY_RSA_PRIVATE_KEY or settings.GATEWAY_RSA_PRIVATE_KEY_PATH):
            return None
        try:
            return configured_private_key()
        except PrivateKeyError as error:
            return str(error)


def content_of(route: RouteSpec) -> ProviderContent:
    """The provider block of a route. Raises `BadValue` for one that refers to a provider by its name."""
    if isinstance(route.provider, str):
        raise BadValue(f"{route.place}.provider: a published model has its providers in it")
    return route.provider


def provider_row(name: str, content: ProviderContent) -> Provider:
    row = Provider(name=name)
    fill_provider(row, ProviderState(content, None))
    return row


def _check(spec: ModelSpec) -> None:
    """Whether the catalog may hold the rows. Raises `BadValue`."""
    model = ModelDefinition(name=spec.name)
    fill(model, spec.settings)
    _clean(model, spec.place)
    for position, route in enumerate(spec.routes):
        row = Route(name=route.name)
        fill_route(row, RouteState(route.name, "", route.settings), position)
        _clean(row, route.place)
        _clean(provider_row(f"{spec.name}/{route.name}", content_of(route)), route.place)


def _clean(row: ModelDefinition | Provider | Route, place: str) -> None:
    try:
        row.clean_fields(exclude=ROWS & {field.name for field in row._meta.fields})
    except ValidationError as error:
        messages = [f"{name}: {' '.join(found)}" for name, found in error.message_dict.items()]
        raise BadValue(f"{place}: {'; '.join(messages)}") from None
