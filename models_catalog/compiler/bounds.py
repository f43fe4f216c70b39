"""What is made of limits and budgets? The rules of each subject, by its kind and id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Generic, TypeVar

from models_catalog.bounds import NO_BOUNDS, Bounds, BudgetRule, LimitRule
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.rules import RuleRow, Subject
from models_catalog.compiler.tables import Change, Key
from models_catalog.models import Budget, Limit

R = TypeVar("R", LimitRule, BudgetRule)
MODEL = "model"


class Index(Generic[R]):
    """The rules of one table by their subjects."""

    def __init__(self, change: Change[RuleRow], before: Index[R] | None = None) -> None:
        self.rows: Mapping[Key, RuleRow] = change.rows
        self.subjects: dict[Subject, tuple[Key, ...]]
        self.failing: set[Key]
        if before is None or change.keys is None:
            self.subjects, self.failing = {}, set()
            self._put(change.rows)
        else:
            self.subjects, self.failing = dict(before.subjects), set(before.failing)
            self._take(before, change.keys)
            self._put(change.keys)

    def of(self, subject: Subject) -> tuple[R, ...]:
        """The rules of a subject, in the order of their ids."""
        keys = self.subjects.get(subject, ())
        return tuple(self.rows[key].rule for key in keys)  # type: ignore[misc]

    def of_kind(self, kind: str) -> Iterable[Subject]:
        return [subject for subject in self.subjects if subject[0] == kind]

    def __contains__(self, subject: Subject) -> bool:
        return subject in self.subjects

    def wrong(self) -> Iterable[tuple[Key, RuleRow]]:
        """The rows that are no rules, with their ids."""
        return [(key, self.rows[key]) for key in sorted(self.failing, key=str)]

    def _take(self, before: Index[R], keys: Iterable[Key]) -> None:
        for key in keys:
            old = before.rows.get(key)
            self.failing.discard(key)
            if old is not None and old.rule is not None:
                left = tuple(other for other in self.subjects[old.subject] if other != key)
                if left:
                    self.subjects[old.subject] = left
                else:
                    del self.subjects[old.subject]

    def _put(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if key in self.rows:
                self._add(key, self.rows[key])

    def _add(self, key: Key, row: RuleRow) -> None:
        if row.rule is None:
            self.failing.add(key)
        else:
            self.subjects[row.subject] = tuple(sorted((*self.subjects.get(row.subject, ()), key), key=str))


class BoundsOf:
    """The rules of one moment, by those of the moment before."""

    def __init__(self, limits: Change[RuleRow], budgets: Change[RuleRow], before: BoundsOf | None = None) -> None:
        self.limits: Index[LimitRule] = Index(limits, before.limits if before else None)
        self.budgets: Index[BudgetRule] = Index(budgets, before.budgets if before else None)
        self._made: dict[tuple[Subject, ...], Bounds] = {}

    def of(self, *subjects: Subject) -> Bounds:
        """The rules of all these subjects; the very same object for the same ones."""
        ruled = tuple(one for one in subjects if one in self.limits or one in self.budgets)
        if not ruled:
            return NO_BOUNDS
        if ruled not in self._made:
            limits = tuple(rule for one in ruled for rule in self.limits.of(one))
            budgets = tuple(rule for one in ruled for rule in self.budgets.of(one))
            self._made[ruled] = Bounds(limits, budgets)
        return self._made[ruled]

    def of_models(self, names: Mapping[int, str]) -> Mapping[str, Bounds]:
        """The rules of models, by their names, which the rules have for their subjects."""
        found = {}
        for subject in {*self.limits.of_kind(MODEL), *self.budgets.of_kind(MODEL)}:
            name = names.get(int(subject[1]))
            if name is not None:
                bounds = self.of(subject)
                limits = tuple(replace(rule, subject=name) for rule in bounds.limits)
                found[name] = Bounds(limits, tuple(replace(rule, subject=name) for rule in bounds.budgets))
        return MappingProxyType(found)

    def report(self, problems: Problems) -> None:
        """Tells of the rows that break their own rules, which are left out."""
        for model, index in ((Limit, self.limits), (Budget, self.budgets)):
            for key, row in index.wrong():
                problems.report(row.where, row.wrong, model(pk=str(key)))
