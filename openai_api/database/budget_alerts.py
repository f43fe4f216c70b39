"""When is an alert of a budget raised? With the entry that takes it beyond a percent, once a period, over all workers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from models_catalog.bounds import NANO
from models_catalog.models import Budget
from openai_api.jobs.budget_alerts import KIND, Channel, Notice
from openai_api.jobs.job import State
from openai_api.limits.journal import Key, Standing
from openai_api.models import BudgetAlert, JobRow

KEPT = timedelta(days=7)
"""How long an alert that nobody takes is tried, and known."""


def raise_alerts(standings: Sequence[Standing], budgets: Mapping[Key, str]) -> None:
    """Raises those that are due, in the transaction of what was spent. Raises database errors."""
    spent = {(one.counter, one.period): one.spent for one in standings if one.spent > 0}
    if not spent:
        return
    rules = {str(row.pk): row for row in Budget.objects.filter(pk__in={budgets[key] for key in spent}) if row.alerts}
    due = {key: found for key in spent if (row := rules.get(budgets[key])) and (found := _reached(row, spent[key]))}
    if not due:
        return
    told = BudgetAlert.objects.filter(counter__in={counter for counter, _ in due}, period__in={period for _, period in due})
    known = set(told.values_list("counter", "period", "percent"))
    for key, percents in due.items():
        for percent in percents:
            if (*key, percent) not in known:
                _raise(rules[budgets[key]], key, percent, spent[key])


def notice(alert_id: int, channel: str) -> Notice | None:
    """What is to be told, and to whom; None where nobody is to be told any more. Raises database errors."""
    alert = BudgetAlert.objects.filter(pk=alert_id).first()
    budget = Budget.objects.filter(pk=alert.budget).first() if alert else None
    if alert is None or budget is None:
        return None
    to = budget.alert_url if channel == Channel.WEBHOOK else budget.alert_email
    scope, subject = budget.scope
    named = str(getattr(budget, scope))
    money = budget.unit == Budget.Unit.USD
    return Notice(
        to=to,
        id=f"alert_{alert.pk}",
        at=alert.at.timestamp(),
        budget=alert.budget,
        scope="key" if scope == "client_key" else scope,
        subject=subject,
        name=named,
        counter=alert.counter,
        period=alert.period,
        percent=alert.percent,
        unit=budget.unit,
        spent=alert.spent / NANO if money else alert.spent,
        amount=alert.amount / NANO if money else alert.amount,
        stops=budget.hard,
    )


def amount_of(budget: Budget) -> int:
    """In billionths of a US dollar, or in tokens."""
    return int(budget.amount * NANO) if budget.unit == Budget.Unit.USD else int(budget.amount)


def _reached(budget: Budget, spent: int) -> list[int]:
    amount = amount_of(budget)
    return [percent for percent in sorted(set(budget.alerts)) if spent * 100 >= percent * amount]


def _raise(budget: Budget, key: Key, percent: int, spent: int) -> None:
    """One alert. Another writer that raises it at the same time has waited for the row of the counter."""
    now = datetime.now(UTC)
    counter, period = key
    alert = BudgetAlert.objects.create(
        budget=str(budget.pk), counter=counter, period=period, percent=percent, spent=spent, amount=amount_of(budget), at=now
    )
    JobRow.objects.bulk_create(_jobs(alert, _channels(budget), now))


def _channels(budget: Budget) -> Iterable[str]:
    if budget.alert_url:
        yield Channel.WEBHOOK
    if budget.alert_email:
        yield Channel.MAIL


def _jobs(alert: BudgetAlert, channels: Iterable[str], now: datetime) -> list[JobRow]:
    return [
        JobRow(
            id=f"alert_{alert.pk}_{channel}",
            kind=KIND,
            owner="",
            payload=zlib.compress(msgspec.msgpack.encode((alert.pk, channel)), 1),
            state=State.QUEUED,
            created_at=now,
            expires_at=now + KEPT,
        )
        for channel in channels
    ]
