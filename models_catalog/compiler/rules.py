"""What is made of one row of limits or budgets? Its rule, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model

from models_catalog.bounds import NANO, Algorithm, BudgetRule, Counted, Each, LimitRule, Period, Unit
from models_catalog.compiler.tables import Links
from models_catalog.models import Budget, Limit
from models_catalog.models.rules import SCOPES as COLUMNS

R = TypeVar("R", Limit, Budget)
Subject = tuple[str, str]
"""A kind and an id. Models have the id of their row here, which outlives their name."""
WINDOWS: Mapping[str, int] = MappingProxyType({"second": 1, "minute": 60, "hour": 3600, "day": 86400})
SCOPES: Mapping[str, str] = MappingProxyType({"client_key": "key"})
"""Subjects that are called otherwise than their columns."""
UNKNOWN: Mapping[str, bool | None] = MappingProxyType({"refuse": True, "allow": False})


def _columns(model: type[Limit | Budget]) -> tuple[str, ...]:
    """All of them: a row is made to be checked."""
    return tuple(field.attname for field in model._meta.concrete_fields)


LIMIT, BUDGET = _columns(Limit), _columns(Budget)


class RuleRow(NamedTuple):
    """A rule, or where and what is wrong; `subject` is what it is for."""

    subject: Subject
    rule: LimitRule | BudgetRule | None
    where: str = ""
    wrong: str = ""


def limit_row(values: Sequence[Any], links: Links) -> RuleRow | None:
    """The rule of a limit, from all columns of its row; None if it is switched off."""
    return _checked(Limit.from_db(None, LIMIT, values), _limit)


def budget_row(values: Sequence[Any], links: Links) -> RuleRow | None:
    """As `limit_row`, of a budget."""
    return _checked(Budget.from_db(None, BUDGET, values), _budget)


def _checked(row: R, made: Callable[[R, Subject], LimitRule | BudgetRule]) -> RuleRow | None:
    if not row.enabled:
        return None
    try:
        _clean(row)
    except ValidationError as error:
        text = f"Skipped: {' '.join(error.messages)}"
        return RuleRow(("", ""), None, f"{row._meta.verbose_name} {row}", text)
    scope, subject = row.scope
    found = SCOPES.get(scope, scope), subject
    return RuleRow(found, made(row, found))


def _clean(row: Limit | Budget) -> None:
    """As `clean_fields`, but whether the row of its subject is there: the database sees to that, and would be asked for each."""
    Model.clean_fields(row, exclude=COLUMNS)
    row.check_rules()


def _limit(row: Limit, subject: Subject) -> LimitRule:
    counted = Counted(row.counted)
    window = 0 if counted is Counted.CONCURRENT else WINDOWS[row.per]
    algorithm, burst = Algorithm(row.algorithm), row.burst or row.amount
    return LimitRule(str(row.pk), *subject, counted, row.amount, window, algorithm, burst, Each(row.each))


def _budget(row: Budget, subject: Subject) -> BudgetRule:
    unit = Unit(row.unit)
    amount = int(row.amount * NANO) if unit is Unit.USD else int(row.amount)
    unknown, alerts = UNKNOWN.get(row.unknown_price), tuple(sorted(set(row.alerts)))
    return BudgetRule(str(row.pk), *subject, unit, amount, Period(row.period), row.hard, unknown, Each(row.each), alerts)
