"""What is spent and held of a budget? Read from the sums of the ledger, for people."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from models_catalog.bounds import NANO, Period, Unit
from models_catalog.models import Budget
from openai_api.database.budget_alerts import amount_of
from openai_api.models import BudgetCounter
from openai_api.spending.periods import span_of

MOST = 1000
"""Counters of one budget that are read, those of the latest periods."""


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


def money(amount: int, unit: str) -> str:
    """An amount as people read it."""
    if unit != Unit.USD:
        return f"{amount:,} tokens"
    return f"{amount / NANO:,.6f}".rstrip("0").rstrip(".") + " USD"
