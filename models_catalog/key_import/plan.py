"""What does a key change in the catalog? Rows and the catalog as it is in, rows to write out; nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from models_catalog import addresses
from models_catalog.credentials import SecretUnavailable, reveal
from models_catalog.key_import.rows import KeyRow, RowProblem
from models_catalog.key_import.shapes import looks_like_key
from models_catalog.models import Credential, Provider
from providers import registry
from providers.types import Secret

AMBIGUOUS = "names a provider by its type, but the file creates another of this type: use the provider's name"
SWAPPED = "a name is where the key should be, or a key where a name should be: are the columns swapped?"


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one row. `created` and `updated` speak of the provider together with its credential."""

    number: int
    outcome: Outcome
    provider: Provider
    credential: Credential


@dataclass(slots=True)
class Plan:
    """The changes by row, the problems, and what has to be written for them, each row of the catalog once."""

    changes: list[Change] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    credentials: dict[UUID, Credential] = field(default_factory=dict)
    providers: list[Provider] = field(default_factory=list)


class Refused(Exception):
    """The row cannot be imported; the text says why and quotes nothing of it."""


@sensitive_variables()
def plan_changes(rows: Iterable[KeyRow]) -> Plan:
    """The plan for rows that `read_keys` gave. It holds as long as nobody else writes: run it in the transaction that does."""
    planner = _Planner()
    for row in rows:
        try:
            planner.add(row)
        except Refused as refused:
            planner.plan.problems.append(RowProblem(row.number, str(refused)))
    planner.refuse_ambiguous_types()
    return planner.plan


class _Planner:
    """Follows the rows through the catalog as it is now and as the rows before have left it."""

    def __init__(self) -> None:
        self.plan = Plan()
        credentials = list(Credential.objects.order_by())
        providers = list(Provider.objects.order_by())
        self._credentials = {credential.pk: credential for credential in credentials}
        self._credentials_by_name = {credential.name: credential for credential in credentials}
        self._providers = {provider.name: provider for provider in providers}
        self._by_type: defaultdict[str, list[Provider]] = defaultdict(list)
        for provider in providers:
            self._by_type[provider.type].append(provider)
        self._types = {known.name for known in registry.provider_types()}
        self._found_by_type: list[tuple[int, str]] = []
        self._new_types: set[str] = set()
        self._rows_of_providers: dict[str, int] = {}
        self._keys: dict[UUID, tuple[int, Secret]] = {}

    @sensitive_variables()
    def add(self, row: KeyRow) -> None:
        """Notes what the row changes. Raises `Refused`."""
        self._check_columns(row)
        provider = self._provider(row)
        first = self._rows_of_providers.setdefault(provider.name, row.number)
        if first != row.number:
            raise Refused(f"names the same provider as row {first}")
        credential = self._credential(row, provider)
        self._set_key(row, credential)
        created = provider.pk is None
        changed = _set_address(provider, row.api_base) | _set_credential(provider, credential)
        if created or changed:
            self.plan.providers.append(provider)
        if created:
            self._new_types.add(provider.type)
        updated = changed or credential.pk in self.plan.credentials
        outcome = Outcome.CREATED if created else Outcome.UPDATED if updated else Outcome.UNCHANGED
        self.plan.changes.append(Change(row.number, outcome, provider, credential))

    def refuse_ambiguous_types(self) -> None:
        """A type names its only provider no longer when the same file brings a second one."""
        for number, kind in self._found_by_type:
            if kind in self._new_types:
                self.plan.problems.append(RowProblem(number, AMBIGUOUS))

    def _check_columns(self, row: KeyRow) -> None:
        """Finds swapped columns, which would store the key as a name."""
        if not row.provider:
            raise Refused("the provider is missing")
        key, names = row.value.reveal(), (row.provider, row.credential)
        key_is_name = key in self._types or key in self._providers
        swapped = key != row.provider if key_is_name else key in names
        if swapped or any(looks_like_key(name) for name in names):
            raise Refused(SWAPPED)

    def _provider(self, row: KeyRow) -> Provider:
        """By name, else the only one of the type, else a new one."""
        named = self._providers.get(row.provider)
        if named is not None:
            if row.type not in ("", named.type):
                raise Refused("a provider of this name exists, but it has another type")
            return named
        kind = row.type or row.provider
        if kind not in self._types:
            missing = "unknown type" if row.type else "no provider has this name; to create one, give its type"
            raise Refused(f"{missing} (known types: {', '.join(sorted(self._types))})")
        of_type = self._by_type[kind] if kind == row.provider else []
        if len(of_type) > 1:
            raise Refused("several providers have this type: use the name of one of them")
        if of_type:
            self._found_by_type.append((row.number, kind))
            return of_type[0]
        return _new_provider(row.provider, kind, row.api_base)

    def _credential(self, row: KeyRow, provider: Provider) -> Credential:
        """The one that the row names, else the provider's own, else a new one with the provider's name."""
        if not row.credential and provider.credential_id is not None:
            return self._credentials[provider.credential_id]
        known = self._credentials_by_name.get(row.credential or provider.name)
        if known is None:
            known = Credential(name=row.credential or provider.name)
            self._credentials_by_name[known.name] = known
        elif not row.credential:
            raise Refused("another credential has the provider's name: name the one to use in the field credential")
        return known

    def _set_key(self, row: KeyRow, credential: Credential) -> None:
        number, key = self._keys.setdefault(credential.pk, (row.number, row.value))
        if key != row.value:
            raise Refused(f"has another key for the credential that row {number} sets")
        if number == row.number and _key_of(credential) != row.value:
            credential.set_secret(row.value)
            _check(credential)
            self.plan.credentials[credential.pk] = credential


def _new_provider(name: str, kind: str, api_base: str) -> Provider:
    provider = Provider(name=name, type=kind, **addresses.tidied(kind, api_base, {}))
    _check(provider)
    return provider


def _set_address(provider: Provider, api_base: str) -> bool:
    """Whether the address has changed; an empty one changes nothing."""
    found = addresses.tidied(provider.type, api_base, provider.options)
    if not api_base or provider.api_base == found["api_base"]:
        return False
    provider.api_base, provider.options = found["api_base"], found["options"]
    _check(provider)
    return True


def _set_credential(provider: Provider, credential: Credential) -> bool:
    if provider.credential_id == credential.pk:
        return False
    provider.credential = credential
    return True


def _check(row: Provider | Credential) -> None:
    """The catalog's own rules. Their texts are passed on: they name fields and quote no addresses or names."""
    try:
        row.clean_fields(exclude={"credential"})
    except ValidationError as error:
        found = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise Refused(f"{type(row).__name__.lower()}: {found}") from None


def _key_of(credential: Credential) -> Secret | None:
    """The stored key; None if there is none, or none that can be read, which a new key puts right."""
    if credential.source != Credential.Source.STORED:
        return None
    try:
        return reveal(credential)
    except SecretUnavailable:
        return None
