"""What is used of limits and budgets, and what was asked for? Told to the pages of keys, people, projects and tenants.

Budgets are read from the sums of their ledger, and requests from their roll-ups; limits from whatever counts them for the worker
of this process, which is asked in its event loop.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from django.db import DatabaseError
from django.db.models import Sum

from models_catalog.bounds import LimitRule, Period
from models_catalog.compiler.rules import LIMIT, limit_row
from models_catalog.models import Budget, Limit
from models_catalog.rule_use import Asked, Counted, Use, tell_asked, tell_use
from openai_api.context import Gateway
from openai_api.database.budget_alerts import amount_of
from openai_api.database.budget_figures import money, named
from openai_api.database.roll_ups import Dimension, Span
from openai_api.explain import here
from openai_api.limits.bounded import Bounded
from openai_api.limits.rules import shape_of
from openai_api.limits.store import LOOKED, Counter, Found
from openai_api.models import BudgetCounter, UsageRollUp
from openai_api.spending.periods import span_of

WAIT_S = 1.0
"""How long a page waits for what is counted of limits."""
MOST = 1000
DIMENSIONS = {"key": Dimension.KEY, "person": Dimension.PERSON, "project": Dimension.PROJECT, "tenant": Dimension.ALL}
SUMS = ("requests", "errors", "input_tokens", "output_tokens", "cost_usd", "uncosted")
PERIODS = (("24 h", Span.HOUR, 24), ("30 days", Span.DAY, 30))
"""What each is called, and how many roll-ups of which span it has, the last of them under way."""
log = structlog.stdlib.get_logger("gateway.pages")


def use_of(counted: Sequence[Counted]) -> Mapping[str, Use]:
    """By the counters. What cannot be read now is left out."""
    some = counted[:MOST]
    return {**dict(_of_budgets(some)), **dict(_of_limits(some))}


def _of_budgets(counted: Sequence[Counted]) -> Iterator[tuple[str, Use]]:
    now = time.time()
    rows = [(one.rule, one.counter) for one in counted if isinstance(one.rule, Budget)]
    periods = {str(budget.period): span_of(Period(budget.period), now).name for budget, _ in rows}
    names = {named(name, one.unit) for one, name in rows}
    counters = BudgetCounter.objects.filter(counter__in=names, period__in=set(periods.values()))
    known = {(row.counter, row.period, row.unit): row for row in counters} if rows else {}
    for budget, counter in rows:
        found = known.get((named(counter, budget.unit), periods[budget.period], budget.unit))
        spent, held = (found.spent, found.held) if found else (0, 0)
        amount = amount_of(budget)
        aside = f", {money(held, budget.unit)} held" if held else ""
        words = f"{money(spent, budget.unit)} of {money(amount, budget.unit)} {_per(budget)}{aside}"
        yield counter, Use((spent + held) / amount if amount else 1.0, words)


def _per(budget: Budget) -> str:
    return "in all" if budget.period == Budget.Period.TOTAL else f"a {budget.period}"


def _of_limits(counted: Sequence[Counted]) -> Iterator[tuple[str, Use]]:
    rules = [
        (one.rule, one.counter, made) for one in counted if isinstance(one.rule, Limit) and (made := counter_of(one)) is not None
    ]
    if not rules:
        return
    try:
        found = here.ask_loop(lambda gateway: _looked(gateway, [made for _, _, made in rules]), WAIT_S)
    except here.NobodyAnswers:
        return
    for (limit, counter, made), one in zip(rules, found, strict=False):
        whole = one.used + one.left
        yield counter, Use(one.used / whole if whole else 1.0, f"{one.used:,} of {limit}{_burst(limit, made)}")


def _burst(limit: Limit, made: Counter) -> str:
    return f", {made.burst:,} at once" if limit.algorithm == Limit.Algorithm.TOKEN_BUCKET and limit.burst else ""


def counter_of(one: Counted) -> Counter | None:
    """What the limit counts with; None of a row that is left out of the catalog."""
    row = limit_row([getattr(one.rule, name) for name in LIMIT], {})
    if row is None or not isinstance(row.rule, LimitRule):
        return None
    shape, rule = shape_of(row.rule), row.rule
    return Counter(one.counter + shape.ending, shape.kind, 1, rule.amount, rule.window_s, rule.burst)


async def _looked(gateway: Gateway, counters: Sequence[Counter]) -> Sequence[Found]:
    """How the counters are; nothing while each worker counts its share alone, which says nothing of the whole."""
    bounded = next((one for one in gateway.admissions if isinstance(one, Bounded)), None)
    if bounded is None:
        return ()
    verdict = await bounded.store.take("look", [*counters, LOOKED])
    return () if verdict.local else verdict.found[:-1]


def asked_for(kind: str, names: Sequence[str], tenant: str) -> Sequence[Asked]:
    """By periods. Each roll-up is found by its whole key: how many others there are does not matter."""
    try:
        return [_asked(DIMENSIONS[kind], names, tenant, *period) for period in PERIODS]
    except DatabaseError as error:
        log.warning("what was asked for is not shown", error=type(error).__name__)
        return ()


def _asked(dimension: str, names: Sequence[str], tenant: str, period: str, span: int, count: int) -> Asked:
    last = int(time.time()) // span * span
    moments = [datetime.fromtimestamp(last, UTC) - timedelta(seconds=span * place) for place in range(count)]
    tenants = {tenant} if dimension == Dimension.ALL else {tenant, ""}
    rows = UsageRollUp.objects.filter(span=span, dimension=dimension, at__in=moments, tenant__in=tenants, name__in=names)
    sums = rows.aggregate(**{f"{name}_": Sum(name) for name in SUMS})
    requests, errors, tokens_in, tokens_out, cost, unpriced = (sums[f"{name}_"] or 0 for name in SUMS)
    return Asked(period, requests, errors, tokens_in, tokens_out, float(cost), unpriced)


tell_use(use_of)
tell_asked(asked_for)
