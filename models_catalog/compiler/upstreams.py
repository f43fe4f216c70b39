"""What is made of providers and their credentials? One upstream each, whether or not a route leads there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError

from models_catalog import addresses, credentials, validation
from models_catalog.compiler.problems import Problems, Unusable, check
from models_catalog.models import Credential, Provider, ProviderCredential
from models_catalog.secrets import encryption
from providers import registry, types


@dataclass(frozen=True, slots=True)
class Share:
    """A credential of a provider that takes a part of its requests: `part` of 1, more than none unless it is for when no other
    can. `row` is the key of the further credential, None for the provider's own."""

    row: int | None
    credential: types.Credential
    part: float


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider row, ready to be combined with its routes."""

    row: Provider
    kind: registry.ProviderType
    api_base: str
    shares: tuple[Share, ...]
    extra_headers: tuple[tuple[str, str], ...]
    extra_body: Mapping[str, bytes]


class Upstreams:
    """The upstreams by provider, each looked at once: a problem of a credential is told once, however many use it."""

    def __init__(
        self,
        credentials: Mapping[UUID, Credential],
        shares: Mapping[int, Sequence[ProviderCredential]],
        problems: Problems,
    ) -> None:
        self._rows = credentials
        self._shares = shares
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
        weighted = list(self._weighted(row))
        if not weighted:
            raise Unusable("Skipped: its credential is unusable.")
        total = sum(weight for _, _, weight in weighted)
        parts = (weight / total if total else 1.0 / len(weighted) for _, _, weight in weighted)
        return Upstream(
            row=row,
            kind=registry.provider_type(row.type),
            api_base=_address(row),
            shares=tuple(Share(pk, found, part) for (pk, found, _), part in zip(weighted, parts, strict=True)),
            extra_headers=tuple((name.lower(), value) for name, value in _headers(row).items()),
            extra_body=MappingProxyType({name: msgspec.json.encode(value) for name, value in row.extra_body.items()}),
        )

    def _weighted(self, row: Provider) -> Iterator[tuple[int | None, types.Credential, float]]:
        """The credentials that can be used, with their weights; the provider's own first. One that cannot is a problem, and the
        others go on."""
        further = self._shares.get(row.pk, ())
        if row.credential_id is not None:
            own = self._credential_of(row.credential_id)
            if own is not None:
                yield None, own, row.credential_weight
        elif not further:
            yield None, types.Credential(), 1.0
        for share in further:
            credential = self._credential_of(share.credential_id)
            if credential is not None:
                yield share.pk, credential, share.weight

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
