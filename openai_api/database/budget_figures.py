"""What is spent and held of a budget? Read from the sums of the ledger, for people."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import F, Max

from models_catalog.bounds import NANO, Period, Unit
from models_catalog.models import Budget
from models_catalog.models.rules import SCOPES
from openai_api.database.budget_alerts import amount_of
from openai_api.models import BudgetCounter
from openai_api.spending.periods import span_of

MOST = 1000
"""Counters of one budget that are read, those of the latest periods; and those that metrics tell of, the latest ones."""


class Figure(NamedTuple):
    """One counter in one period. Amounts are billionths of a US dollar, or tokens; `end` is that of the present period."""

    counter: str
    period: str
    unit: str
    spent: int
    held: int
    amount: int
    end: datetime | None


def figures_of(budget: Budget, *, now_only: bool = False) -> list[Figure]:
    """The counters of a budget, the latest periods first. Raises database errors."""
    span = span_of(Period(budget.period), time.time())
    rows = BudgetCounter.objects.filter(budget=str(budget.pk), unit=budget.unit)
    if now_only:
        rows = rows.filter(period=span.name)
    end = None if span.end is None else datetime.fromtimestamp(span.end, UTC)
    amount = amount_of(budget)
    return [
        Figure(row.counter, row.period, row.unit, row.spent, row.held, amount, end if row.period == span.name else None)
        for row in rows.order_by("-period", "counter")[:MOST]
    ]


def own_figures(budgets: Sequence[Budget], whose: Collection[str]) -> Mapping[str, Figure]:
    """What stands in the present period of these budgets, by their ids: of one that counts each key or person, the counter of
    those in `whose` (ids of keys and people) that has used most. What was never used is not there. Raises database errors."""
    now, wanted = time.time(), {}
    for budget in budgets:
        span = span_of(Period(budget.period), now)
        for name in [f"{budget.pk}:{one}" for one in whose] if budget.each else [str(budget.pk)]:
            wanted[named(name, budget.unit), span.name] = budget, span
    rows = BudgetCounter.objects.filter(counter__in={counter for counter, _ in wanted}, period__in={name for _, name in wanted})
    found: dict[str, Figure] = {}
    for row in rows:
        if (row.counter, row.period) not in wanted:
            continue
        budget, span = wanted[row.counter, row.period]
        end = None if span.end is None else datetime.fromtimestamp(span.end, UTC)
        figure = Figure(row.counter, row.period, row.unit, row.spent, row.held, amount_of(budget), end)
        before = found.get(str(budget.pk))
        if before is None or before.spent + before.held < row.spent + row.held:
            found[str(budget.pk)] = figure
    return found


def shown(now: float) -> list[tuple[str, tuple[str, ...], float]]:
    """What metrics tell of budgets that were used in their present period, of the counter that has used most: names, labels and
    values in US dollars or tokens. Of too many counters those that changed last are told. Raises database errors."""
    spans = {period.value: span_of(period, now).name for period in Period}
    most: dict[str, BudgetCounter] = {}
    for row in BudgetCounter.objects.filter(period__in=spans.values()).order_by("-changed_at")[:MOST]:
        before = most.get(row.budget)
        if before is None or before.spent + before.held < row.spent + row.held:
            most[row.budget] = row
    found: list[tuple[str, tuple[str, ...], float]] = []
    for budget in Budget.objects.filter(pk__in=most, enabled=True).select_related(*SCOPES):
        row = most[str(budget.pk)]
        if (row.period, row.unit) != (spans[budget.period], budget.unit):
            continue
        scope, _ = budget.scope
        labels = str(budget.pk), scope.removeprefix("client_"), getattr(budget, scope).name, budget.unit, budget.period
        unit = NANO if budget.unit == Unit.USD else 1
        values = (("spent", row.spent), ("held", row.held), ("amount", amount_of(budget)))
        found += [(f"budget_{name}", labels, value / unit) for name, value in values]
    return found


def named(counter: str, unit: str) -> str:
    """The counter of a budget as the ledger has it: what is counted in tokens has a name of its own."""
    return counter if unit == Unit.USD else f"{counter}:t"


def largest_of(budgets: Sequence[Budget]) -> dict[str, Figure]:
    """By the ids of budgets: the counter of each that has used most in the present period, what is held of it among what is
    spent. One query for all of them. Raises database errors."""
    now = time.time()
    known = {str(budget.pk): (budget, span_of(Period(budget.period), now)) for budget in budgets}
    counters = BudgetCounter.objects.filter(budget__in=known, period__in={span.name for _, span in known.values()})
    found = {}
    sums = counters.order_by().values_list("budget", "period", "unit").annotate(used=Max(F("spent") + F("held")))
    for pk, period, unit, used in sums:
        budget, span = known[pk]
        if (period, unit) == (span.name, budget.unit):
            end = None if span.end is None else datetime.fromtimestamp(span.end, UTC)
            found[pk] = Figure("", period, unit, used, 0, amount_of(budget), end)
    return found


def money(amount: int, unit: str) -> str:
    """An amount as people read it."""
    if unit != Unit.USD:
        return f"{amount:,} tokens"
    return f"{amount / NANO:,.6f}".rstrip("0").rstrip(".") + " USD"
