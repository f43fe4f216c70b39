"""What do the rows change in the catalog? Keys, their owners and what bounds them, checked; nothing is written here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db import models
from django.views.decorators.debug import sensitive_variables

from models_catalog import keys
from models_catalog.key_import.clients.reading import Keys, Options
from models_catalog.key_import.clients.rows import ClientKeyRow
from models_catalog.key_import.rows import RowProblem
from models_catalog.key_import.shapes import looks_like_key
from models_catalog.models import Budget, ClientKey, Limit, ModelDefinition, Person, Project, Tenant

SHA256 = re.compile("[0-9a-fA-F]{64}")
USUAL_TENANT = "Imported"
OWNERS = frozenset({"project", "person"})
SUBJECTS = frozenset({"client_key", "person", "project", "tenant", "model"})


class Outcome(StrEnum):
    CREATED = "created"
    UNCHANGED = "unchanged"


class Refused(Exception):
    """The row cannot be imported; the text says why and quotes no key."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one row. `lost` are fields that restricted the key where it comes from, and are not taken over."""

    number: int
    outcome: Outcome
    key: ClientKey
    models: tuple[str, ...] | None
    bounds: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """The changes by row, the problems, and what has to be written for them."""

    changes: list[Change] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    tenants: list[Tenant] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    keys: list[ClientKey] = field(default_factory=list)
    allowed: list[tuple[ClientKey, int]] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    """Hashes of published keys that become the operator's own."""


class Planner:
    """Follows the rows through the catalog as it is. `within` are the names of the tenants that the importer may see, None for
    all."""

    def __init__(self, options: Options, within: Collection[str] | None = None) -> None:
        self.plan = Plan()
        self._options, self._within = options, within
        self._models = dict(ModelDefinition.objects.values_list("name", "pk"))
        self._known = {row.key_hash: row for row in ClientKey.objects.only("id", "name", "key_hash", "last_four", "origin")}
        self._tenants = {row.name: row for row in Tenant.objects.all()}
        self._projects = {(row.tenant.name, row.name): row for row in Project.objects.select_related("tenant")}
        self._people = {(row.tenant.name, row.name): row for row in Person.objects.select_related("tenant")}
        self._rows: dict[str, int] = {}

    @sensitive_variables()
    def add(self, row: ClientKeyRow) -> None:
        """Notes what the row changes, or its problem."""
        try:
            self._add(row)
        except Refused as refused:
            self.plan.problems.append(RowProblem(row.number, str(refused)))

    @sensitive_variables()
    def _add(self, row: ClientKeyRow) -> None:
        digest, last_four, public_id = self._identity(row)
        first = self._rows.setdefault(digest, row.number)
        if first != row.number:
            raise Refused(f"has the same key as row {first}")
        known = self._known.get(digest)
        if known is not None and not known.origin:
            self.plan.changes.append(Change(row.number, Outcome.UNCHANGED, known, None, (), ()))
            return
        models = self._chosen(row)
        key = ClientKey(
            name=row.name or f"imported {'…' + last_four if last_four else digest[:8]}",
            key_hash=digest,
            last_four=last_four,
            public_id=public_id,
            enabled=row.enabled,
            all_models=models is None,
            aliases=dict(row.aliases),
            expires_at=row.expires_at,
            allowed_networks=list(row.networks),
            max_wait_s=row.max_wait_s,
            record_bodies=row.record_bodies,
        )
        key.project, key.person = self._owners(row)
        _check(key, OWNERS)
        limits, budgets = list(_limits(row, key)), list(_budgets(row, key))
        for rule in (*limits, *budgets):
            _check(rule, SUBJECTS)
        self.plan.keys.append(key)
        self.plan.allowed += [(key, self._models[name]) for name in models or ()]
        self.plan.limits += limits
        self.plan.budgets += budgets
        self.plan.replaced += [] if known is None else [digest]
        bounds = tuple(str(rule) for rule in (*limits, *budgets))
        self.plan.changes.append(Change(row.number, Outcome.CREATED, key, models, bounds, row.lost))

    @sensitive_variables()
    def _identity(self, row: ClientKeyRow) -> tuple[str, str, str]:
        """The digest of the key, its last characters, and its public id; the latter are "" where only its hash is known."""
        key = row.key.reveal()
        is_hash = SHA256.fullmatch(key) is not None
        if self._options.keys is Keys.HASHED and not is_hash:
            raise Refused("the key must be a SHA-256 in 64 hexadecimal digits")
        if is_hash and self._options.keys is not Keys.PLAIN:
            return key.lower(), "", ""
        try:
            keys.check_foreign_key(key)
        except ValidationError as error:
            raise Refused(" ".join(error.messages)) from None
        public_id = key[len(keys.PREFIX) :][: keys.PUBLIC_ID_LENGTH] if keys.well_formed(key) else ""
        return hashlib.sha256(key.encode()).hexdigest(), key[-4:], public_id

    def _chosen(self, row: ClientKeyRow) -> tuple[str, ...] | None:
        for place, name in enumerate(row.models or (), start=1):
            if name not in self._models:
                shown = f" ({name!r})" if len(name) <= 100 and not looks_like_key(name) else ""
                raise Refused(f"models: number {place}{shown} is not in the catalog")
        return row.models

    def _owners(self, row: ClientKeyRow) -> tuple[Project | None, Person | None]:
        """The project and the person that the row names, made if there are none."""
        if any(looks_like_key(name) for name in (row.name, row.tenant, row.project, row.person)):
            raise Refused("a key is where a name should be: are the columns swapped?")
        if not row.project and not row.person:
            if self._within is not None:
                raise Refused("needs a project or a person of one of your tenants")
            return None, None
        tenant = self._tenant(row)
        project = person = None
        if row.project:
            project = self._projects.get((tenant.name, row.project))
            if project is None:
                project = self._projects[tenant.name, row.project] = Project(tenant=tenant, name=row.project)
                self._made(project, self.plan.projects)
        if row.person:
            person = self._people.get((tenant.name, row.person))
            if person is None:
                person = self._people[tenant.name, row.person] = Person(tenant=tenant, name=row.person, email=row.email)
                self._made(person, self.plan.people)
        return project, person

    def _tenant(self, row: ClientKeyRow) -> Tenant:
        """The one that is named; else the only one there is; else one that is made."""
        visible = sorted(self._tenants) if self._within is None else sorted(self._within)
        name = row.tenant or self._options.tenant or (visible[0] if len(visible) == 1 else USUAL_TENANT)
        if self._within is not None and name not in self._within:
            raise Refused("names a tenant that is none of yours; yours are: " + ", ".join(visible))
        if name not in self._tenants:
            self._tenants[name] = Tenant(name=name)
            self._made(self._tenants[name], self.plan.tenants)
        return self._tenants[name]

    def _made(self, row: models.Model, rows: list[models.Model] | list[Tenant] | list[Project] | list[Person]) -> None:
        _check(row, frozenset({"tenant"}) & {one.name for one in row._meta.fields})
        rows.append(row)  # type: ignore[arg-type]


def _limits(row: ClientKeyRow, key: ClientKey) -> Iterator[Limit]:
    counted = ((Limit.Counted.REQUESTS, row.rpm), (Limit.Counted.TOKENS, row.tpm), (Limit.Counted.CONCURRENT, row.max_concurrent))
    yield from (Limit(client_key=key, counted=kind, amount=amount) for kind, amount in counted if amount is not None)


def _budgets(row: ClientKeyRow, key: ClientKey) -> Iterator[Budget]:
    """A soft budget is one that does not stop requests, and tells when it is used up."""
    if row.budget is not None:
        yield Budget(client_key=key, amount=row.budget, period=row.budget_period)
    if row.soft_budget is not None:
        yield Budget(client_key=key, amount=row.soft_budget, period=row.budget_period, hard=False, alerts=[100])


def _check(row: models.Model, exclude: Iterable[str]) -> None:
    try:
        row.clean_fields(exclude=set(exclude))
    except ValidationError as error:
        found = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise Refused(found) from None
