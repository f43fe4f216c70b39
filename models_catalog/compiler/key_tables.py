"""What does a compilation keep of client keys, of whom they belong to and of the rules? Read as far as it was written since."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Q

from models_catalog.compiler.layers import Layers
from models_catalog.compiler.owners import Chosen, PersonRow, ProjectRow, TenantRow
from models_catalog.compiler.rules import BUDGET, LIMIT, RuleRow, budget_row, limit_row
from models_catalog.compiler.tables import Change, Links, Table, Tables
from models_catalog.models import AccessGroup, Budget, ClientKey, Limit, ModelDefinition, Person, Project, Publication, Tenant
from models_catalog.models.deleted_key import deleted_since
from models_catalog.publish import Version

SHA256 = re.compile("[0-9a-f]{64}")
Pairs = tuple[tuple[str, str], ...]
MOST_SHARED = 20_000
T = TypeVar("T")


class KeyRow(NamedTuple):
    """What is kept of a client key in force, as a plain tuple of these. Ids are texts, "" for none; times are in seconds."""

    id: str
    name: str
    chosen: Chosen
    record_bodies: bool
    expires_at: float | None
    project: str
    person: str
    lineage: str
    aliases: Pairs
    networks: tuple[str, ...]
    max_wait_s: float
    ends_streams: bool
    labels: Pairs
    hash_prefix: str
    published: bool


def digest_of(key_hash: str) -> bytes | str:
    """What a key is found by; the text of a hash that is damaged, by which nothing is found."""
    return bytes.fromhex(key_hash) if SHA256.fullmatch(key_hash) else key_hash


def _key(row: Sequence[Any], links: Links) -> tuple[Any, ...] | None:
    pk, name, enabled, revoked_at, all_models, record_bodies, expires_at, project, person, lineage, *more = row
    aliases, networks, max_wait_s, ends_streams, labels, hash_prefix, origin = more
    if not enabled or revoked_at is not None:
        return None
    return (
        str(pk),
        name,
        _published(aliases) if origin else None if all_models else (links["allowed_models"], links["access_groups"]),
        record_bodies,
        _seconds(expires_at),
        _text(project),
        _text(person),
        _text(lineage),
        _same(tuple(aliases.items())) if aliases else (),
        tuple(networks) if networks else (),
        max_wait_s,
        ends_streams,
        _labels(labels, name) if labels else (),
        intern(hash_prefix),
        bool(origin),
    )


def _published(aliases: Mapping[str, str]) -> Chosen:
    """What is published with a key are the models that its names mean."""
    return _same(tuple(sorted(set(aliases.values()))))


def _labels(labels: Mapping[str, str], name: str) -> Pairs:
    """A key that is published is often called as one of its labels says; the others are those of many keys."""
    return tuple([(intern(label), name) if value == name else _same((intern(label), value)) for label, value in labels.items()])


@lru_cache(MOST_SHARED)
def _kept(value: object) -> object:
    return value


def _same(value: T) -> T:
    """The same object for equal ones: there may be very many keys."""
    kept: T = _kept(value)  # type: ignore[assignment]
    return kept


def _project(row: Sequence[Any], links: Links) -> ProjectRow:
    name, enabled, tenant, all_models, aliases = row
    chosen = None if all_models else (links["allowed_models"], links["access_groups"])
    return ProjectRow(name, enabled, str(tenant), chosen, aliases or {})


def _person(row: Sequence[Any], links: Links) -> PersonRow:
    name, enabled, tenant = row
    return PersonRow(name, enabled, str(tenant))


def _tenant(row: Sequence[Any], links: Links) -> TenantRow:
    return TenantRow(*row)


def _group(row: Sequence[Any], links: Links) -> tuple[int, ...]:
    return links["models"]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _text(pk: UUID | None) -> str:
    return "" if pk is None else str(pk)


KEY_COLUMNS = (
    "pk",
    "name",
    "enabled",
    "revoked_at",
    "all_models",
    "record_bodies",
    "expires_at",
    "project_id",
    "person_id",
    "lineage",
    "aliases",
    "allowed_networks",
    "max_wait_s",
    "ends_streams",
    "labels",
    "hash_prefix",
    "origin",
)


KEYS: Table[tuple[Any, ...]] = Table(
    ClientKey,
    KEY_COLUMNS,
    _key,
    key="key_hash",
    key_of=digest_of,
    in_force=Q(enabled=True, revoked_at__isnull=True),
    links=("allowed_models", "access_groups"),
    deleted=deleted_since,
)
TENANTS = Table(Tenant, ("name", "enabled"), _tenant)
PROJECTS = Table(
    Project,
    ("name", "enabled", "tenant_id", "all_models", "aliases"),
    _project,
    links=("allowed_models", "access_groups"),
)
PEOPLE = Table(Person, ("name", "enabled", "tenant_id"), _person)
GROUPS = Table(AccessGroup, (), _group, links=("models",))
LIMITS = Table(Limit, LIMIT, limit_row, in_force=Q(enabled=True))
BUDGETS = Table(Budget, BUDGET, budget_row, in_force=Q(enabled=True))
ALL = Tables(KEYS, TENANTS, PROJECTS, PEOPLE, GROUPS, LIMITS, BUDGETS)


@dataclass(frozen=True, slots=True)
class KeyRows:
    """Everything that clients are made of, as of one version. `names` are those of all models, by their ids, `on` those that are
    switched on."""

    version: Version
    names: Mapping[int, str]
    on: frozenset[str]
    keys: Change[tuple[Any, ...]]
    tenants: Change[TenantRow]
    projects: Change[ProjectRow]
    people: Change[PersonRow]
    groups: Change[tuple[int, ...]]
    limits: Change[RuleRow]
    budgets: Change[RuleRow]
    publication: Publication | None

    @classmethod
    def none(cls, version: Version, names: Mapping[int, str], on: frozenset[str]) -> KeyRows:
        """No keys, and nobody to whom they belong."""
        nothing = Change[Any](Layers({}), None)
        return cls(version, names, on, nothing, nothing, nothing, nothing, nothing, nothing, nothing, None)

    @classmethod
    def read(
        cls,
        using: str,
        version: Version,
        models: tuple[Mapping[int, str], frozenset[str]] | None = None,
        before: KeyRows | None = None,
    ) -> KeyRows:
        """What has been written since `before`, and all the rest as it is there. `models` are `names` and `on`, if they are known
        already."""
        if before is not None and before.version.number > version.number:
            before = None  # another database than it was
        if models is None:
            models = _models(using) if before is None else (before.names, before.on)
        keys, tenants, projects, people, groups, limits, budgets = ALL.statuses(using)
        since = 0 if before is None else before.version.number
        return cls(
            version,
            *models,
            KEYS.refreshed(using, before.keys.rows if before else None, since, keys),
            TENANTS.refreshed(using, before.tenants.rows if before else None, since, tenants),
            PROJECTS.refreshed(using, before.projects.rows if before else None, since, projects),
            PEOPLE.refreshed(using, before.people.rows if before else None, since, people),
            GROUPS.refreshed(using, before.groups.rows if before else None, since, groups),
            LIMITS.refreshed(using, before.limits.rows if before else None, since, limits),
            BUDGETS.refreshed(using, before.budgets.rows if before else None, since, budgets),
            Publication.objects.using(using).first(),
        )


def _models(using: str) -> tuple[Mapping[int, str], frozenset[str]]:
    """The names of all models by their ids, and the names of those that are switched on."""
    rows = list(ModelDefinition.objects.using(using).values_list("pk", "name", "enabled"))
    return {pk: name for pk, name, _ in rows}, frozenset(name for _, name, enabled in rows if enabled)
