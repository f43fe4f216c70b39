"""What is made of providers and their credentials? One upstream each, whether or not a route leads there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError

from models_catalog import addresses, credentials, validation
from models_catalog.compiler.problems import Problems, Unusable, check
from models_catalog.models import Credential, Provider
from models_catalog.secrets import encryption
from providers import registry, types


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider row, ready to be combined with its routes."""

    row: Provider
    kind: registry.ProviderType
    api_base: str
    credential: types.Credential
    extra_headers: tuple[tuple[str, str], ...]
    extra_body: Mapping[str, bytes]


class Upstreams:
    """The upstreams by provider, each looked at once: a problem of a credential is told once, however many use it."""

    def __init__(self, credentials: Mapping[UUID, Credential], problems: Problems) -> None:
        self._rows = credentials
        self._problems = problems
        self._credentials: dict[UUID, types.Credential | None] = {}
        self._upstreams: dict[int, Upstream | None] = {}

    def of(self, row: Provider) -> Upstream | None:
        """None if the provider is unusable, which is reported."""
        if row.pk not in self._upstreams:
            self._upstreams[row.pk] = self._problems.attempt(f"provider {row.name}", row, partial(self._upstream, row))
        return self._upstreams[row.pk]

    def _upstream(self, row: Provider) -> Upstream:
        check(row)
        credential = types.Credential() if row.credential_id is None else self._credential_of(row.credential_id)
        if credential is None:
            raise Unusable("Skipped: its credential is unusable.")
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
            row = self._rows[pk]
            self._credentials[pk] = self._problems.attempt(f"credential {row.name}", row, partial(_credential, row))
        return self._credentials[pk]


def _credential(row: Credential) -> types.Credential:
    try:
        return credentials.resolve(row)
    except credentials.SecretUnavailable as err:
        raise Unusable(f"Unusable: {err}.") from err


def _headers(row: Provider) -> dict[str, str]:
    try:
        headers = {name: value.reveal() for name, value in row.headers().items()}
        validation.check_headers(headers)
    except encryption.EncryptionError as err:
        raise Unusable(f"Skipped: its headers cannot be decrypted: {err}.") from err
    except ValidationError as err:
        raise Unusable(f"Skipped: extra_headers: {' '.join(err.messages)}") from err
    return headers


def _address(row: Provider) -> str:
    try:
        return addresses.resolve(row.api_base)
    except addresses.Unset as err:
        raise Unusable(f"Skipped: api_base: {err}.") from err
