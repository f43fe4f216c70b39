"""Whose is a key, and what may it use by that? Tenants, projects, people and groups as they were at one version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from models_catalog.compiler.tables import Key
from models_catalog.snapshot import NOTHING, STAR, Owner

Chosen = tuple[Any, ...] | None
"""The ids of models and those of groups, or the names of models; None: every model."""


class TenantRow(NamedTuple):
    name: str
    enabled: bool


class ProjectRow(NamedTuple):
    name: str
    enabled: bool
    tenant: str
    chosen: Chosen
    aliases: Mapping[str, str]


class PersonRow(NamedTuple):
    name: str
    enabled: bool
    tenant: str


class Owners:
    """Answers for one key after the other, and remembers what is the same for many. `names` are those of models by their ids,
    `groups` the models of each group; all the rest is by ids in their text form."""

    def __init__(
        self,
        names: Mapping[int, str],
        tenants: Mapping[Key, TenantRow],
        projects: Mapping[Key, ProjectRow],
        people: Mapping[Key, PersonRow],
        groups: Mapping[Key, tuple[int, ...]],
    ) -> None:
        self._names = names
        self._tenants = tenants
        self._projects = projects
        self._people = people
        self._groups = groups
        self._owners: dict[tuple[str, str], Owner | None] = {}
        self._allowed: dict[tuple[str, Chosen], frozenset[str] | None] = {}

    def owner(self, project: str, person: str) -> Owner | None:
        """The owner of a key, by ids that may be ""; None if the tenant, the project or the person is switched off."""
        pair = project, person
        if pair not in self._owners:
            self._owners[pair] = self._owner(*pair)
        return self._owners[pair]

    def models(self, project: str, chosen: Chosen) -> frozenset[str] | None:
        """The names that a key may use which chose these, as far as its project may; None for all."""
        if not project and chosen is None:
            return None
        pair = project, chosen
        if pair not in self._allowed:
            self._allowed[pair] = self._both(self._of_project(project), self._of(chosen))
        return self._allowed[pair]

    def aliases(self, project: str, own: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
        """The names that a key may send for models; its own go before its project's."""
        row = self._projects.get(project) if project else None
        if row is None or not row.aliases:
            return dict(own) if own else NOTHING
        return {**row.aliases, **dict(own)} if own else row.aliases

    def _owner(self, project_id: str, person_id: str) -> Owner | None:
        project, person = self._projects.get(project_id), self._people.get(person_id)
        if (project_id and project is None) or (person_id and person is None):
            return None
        ids = [row.tenant for row in (project, person) if row is not None]
        tenants = [self._tenants.get(pk) for pk in ids]
        if any(row is None or not row.enabled for row in (*(row for row in (project, person) if row), *tenants)):
            return None
        tenant = tenants[0].name if tenants and tenants[0] else ""
        return Owner(
            tenant,
            project.name if project else "",
            person.name if person else "",
            ids[0] if ids else "",
            project_id,
            person_id,
        )

    def _of_project(self, project: str) -> frozenset[str] | None:
        row = self._projects.get(project) if project else None
        if row is None or row.chosen is None:
            return None
        return self.models("", row.chosen)

    def _of(self, chosen: Chosen) -> frozenset[str] | None:
        if chosen is None:
            return None
        if not chosen or isinstance(chosen[0], str):
            return frozenset(chosen)
        models, groups = chosen
        granted = (pk for group in groups for pk in self._groups.get(str(group), ()))
        return frozenset(self._names[pk] for pk in (*models, *granted) if pk in self._names)

    @staticmethod
    def _both(bound: frozenset[str] | None, own: frozenset[str] | None) -> frozenset[str] | None:
        if own is None or bound is None:
            return bound if own is None else own
        return frozenset(name for name in own if granted(name, bound)) | frozenset(name for name in bound if granted(name, own))


def granted(name: str, allowed: frozenset[str]) -> bool:
    """Whether a list of names, which may end in stars, has the name."""
    return name in allowed or any(name.startswith(known[:-1]) for known in allowed if known.endswith(STAR))
