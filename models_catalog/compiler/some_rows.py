"""What is wrong with a few client keys, limits or budgets? Asked of them alone, whatever number of others there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from models_catalog.compiler.clients import CLIENT_KEY, trouble_of
from models_catalog.compiler.key_tables import BUDGETS, GROUPS, KEYS, LIMITS, PROJECTS, KeyRow
from models_catalog.compiler.owners import Chosen, Owners
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.rules import RuleRow
from models_catalog.compiler.tables import Table
from models_catalog.models import Budget, ClientKey, Limit, ModelDefinition
from models_catalog.snapshot import STAR, Problem


def problems_of_rows(model: type[Model], pks: Collection[object], using: str = DEFAULT_DB_ALIAS) -> list[Problem]:
    """The problems of these rows of a model that is asked row by row: the same that a compilation tells."""
    return _ASKED[model](pks, using) if model in _ASKED and pks else []


def _of_keys(pks: Collection[object], using: str) -> list[Problem]:
    rows = KEYS.some(using, pks)
    owners, on = _owners([KeyRow(*row) for row in rows.values()], using)
    problems = Problems()
    for key, row in rows.items():
        if trouble := trouble_of(key, row, owners, on):
            made = KeyRow(*row)
            problems.report(CLIENT_KEY + made.name, trouble[0], ClientKey(pk=made.id), harmless=trouble[1])
    return problems.found


def _owners(keys: Collection[KeyRow], using: str) -> tuple[Owners, frozenset[str]]:
    """Who knows what these keys may use: their projects, the groups of both, and the names of models that are granted.
    And of these the names that are switched on, with one for each wildcard that grants others."""
    projects = PROJECTS.some(using, {row.project for row in keys if row.project})
    chosen = [*(row.chosen for row in keys), *(row.chosen for row in projects.values())]
    groups = GROUPS.some(using, {pk for one in chosen for pk in _ids(one, 1)})
    models = {*chain.from_iterable(_ids(one, 0) for one in chosen), *chain.from_iterable(groups.values())}
    named = ModelDefinition.objects.using(using)
    found = list(named.filter(pk__in=models).values_list("pk", "name", "enabled")) if models else []
    on = {name for _, name, enabled in found if enabled}
    for prefix in [name[:-1] for _, name, enabled in found if name.endswith(STAR) and not enabled]:
        on.update(named.filter(enabled=True, name__startswith=prefix).values_list("name", flat=True)[:1])
    return Owners({pk: name for pk, name, _ in found}, {}, projects, {}, groups), frozenset(on)


def _ids(chosen: Chosen, part: int) -> tuple[Any, ...]:
    """The ids of models (0) or of groups (1) that were chosen; none where names were."""
    return chosen[part] if chosen and not isinstance(chosen[0], str) else ()


def _of_rules(table: Table[RuleRow], model: type[Model], pks: Collection[object], using: str) -> list[Problem]:
    problems = Problems()
    for key, row in table.some(using, pks).items():
        if row.rule is None:
            problems.report(row.where, row.wrong, model(pk=str(key)))
    return problems.found


_ASKED: Mapping[type[Model], Callable[[Collection[object], str], list[Problem]]] = MappingProxyType(
    {
        ClientKey: _of_keys,
        Limit: lambda pks, using: _of_rules(LIMITS, Limit, pks, using),
        Budget: lambda pks, using: _of_rules(BUDGETS, Budget, pks, using),
    }
)
