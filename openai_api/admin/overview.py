"""What does the first page show of traffic? Figures, charts, who asks most, the health of providers, and budgets that run out."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse

from models_catalog.admin.pages import overview as catalog_overview
from models_catalog.admin.problems import page_of
from models_catalog.admin.tenancy import ids_as_texts, reach_of, visible
from models_catalog.bounds import Period
from models_catalog.models import Budget, Provider
from openai_api.admin.charts import charts
from openai_api.admin.figures_of_traffic import cards, count, money, percent
from openai_api.database import traffic
from openai_api.database.budget_figures import money as amount
from openai_api.database.roll_ups import Dimension
from openai_api.database.traffic import RANGES, Hour, Line, Range
from openai_api.models import BudgetAlert
from openai_api.spending.periods import span_of

admin.site.index_template = "openai_api/overview.html"
DEFAULT = "24h"
MOST_ALERTS = 50
"""Alerts that are looked at, the latest ones."""
SHOWN_ALERTS = 5
MOST_PROVIDERS = 30
LISTS = (
    (Dimension.MODEL, "Top models", "model"),
    (Dimension.KEY, "Top keys", "key"),
    (Dimension.PERSON, "Top people", "person"),
    (Dimension.PROJECT, "Top projects", "project"),
    (Dimension.APP, "Top apps", "app"),
)
"""Dimension, title, and the filter of the list of requests."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list of names; `url` leads to its requests."""

    name: str
    url: str
    requests: str
    cost: str
    errors: str
    share: int


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of a provider: `kind` is "good", "warn", "bad" or "" where nothing was asked."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Strip:
    name: str
    url: str
    cells: list[Cell]
    told: str
    kind: str


@dataclass(frozen=True, slots=True)
class Alert:
    budget: str
    url: str
    text: str
    kind: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what the template shows: of the catalog, and of traffic for those who may view requests."""
    context = catalog_overview.overview(request, context)
    if request.user.has_perm("models_catalog.view_budget"):
        context["alerts"] = alerts(request)
    if not request.user.has_perm("openai_api.view_usagerecord"):
        return context
    chosen = RANGES.get(request.GET.get("range", ""), RANGES[DEFAULT])
    try:
        told = figures(request, chosen)
    except DatabaseError:
        return {**context, "traffic_failed": True}
    return {**context, **told, "traffic": True}


def figures(request: HttpRequest, chosen: Range) -> dict[str, Any]:
    """Raises database errors."""
    now, reach = time.time(), reach_of(request)
    tenants = None if reach is None else reach.names
    start, end = chosen.ends(now)
    found = traffic.series(tenants, start, end, chosen.bucket)
    before = traffic.summed(traffic.series(tenants, *chosen.ends_before(now), chosen.bucket).values())
    whole = traffic.summed(found.values())
    return {
        "ranges": [(one.label, f"?range={one.name}", one is chosen) for one in RANGES.values()],
        "range": chosen,
        "idle": not (whole.requests or before.requests),
        "cards": cards(whole, before),
        "charts": charts(chosen, chosen.buckets(now), found),
        "lists": list(lists(tenants, start, end)),
        "strips": strips(request, tenants, now),
        "requests_url": f"{requests_page()}?{urlencode({'since': moment(start)})}",
    }


def requests_page() -> str:
    return reverse("admin:openai_api_usagerecord_changelist")


def moment(seconds: int) -> str:
    """As the filters of the list of requests take it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M")


def lists(tenants: Collection[str] | None, start: int, end: int) -> Iterator[tuple[str, list[Entry]]]:
    """Those that have a name in them."""
    for dimension, title, name in LISTS:
        lines = traffic.top(dimension, tenants, start, end)
        if lines:
            most = lines[0].requests
            yield title, [entry(line, name, start, most) for line in lines]


def entry(line: Line, name: str, start: int, most: int) -> Entry:
    asked = urlencode({name: line.id or line.name, "since": moment(start)})
    rate = percent(line.errors / line.requests) if line.errors else ""
    cost = money(float(line.cost))
    return Entry(line.name, f"{requests_page()}?{asked}", count(line.requests), cost, rate, round(100 * line.requests / most))


def strips(request: HttpRequest, tenants: Collection[str] | None, now: float) -> list[Strip]:
    """Providers that were asked in the last hours, those with the most errors first, then those that were not."""
    pages = {}
    if request.user.has_perm("models_catalog.view_provider"):
        pages = {row.name: page_of(row) for row in Provider.objects.filter(enabled=True).only("pk", "name")}
    known = traffic.health(tenants, now)
    found = [strip(name, pages.get(name, ""), hours) for name, hours in known.items()]
    found.sort(key=lambda one: ("bad", "warn", "good", "").index(one.kind))
    return found[:MOST_PROVIDERS]


def strip(name: str, url: str, hours: list[Hour]) -> Strip:
    requests, errors = sum(hour.requests for hour in hours), sum(hour.errors for hour in hours)
    last = next((hour for hour in reversed(hours) if hour.requests), Hour(0, 0, 0))
    told = f"{percent(errors / requests)} of {count(requests)} failed" if requests else "not asked"
    return Strip(name, url, [cell(hour) for hour in hours], told, kind_of(last))


def cell(hour: Hour) -> Cell:
    at = f"{datetime.fromtimestamp(hour.at, UTC):%b %d %H:%M} UTC"
    told = f"{count(hour.errors)} of {count(hour.requests)} failed" if hour.requests else "not asked"
    return Cell(kind_of(hour), f"{at}: {told}")


def kind_of(hour: Hour) -> str:
    """Good below 2 % of errors, or where there was but one; bad from 10 % on."""
    if not hour.requests:
        return ""
    rate = hour.errors / hour.requests
    if rate < 0.02 or (hour.errors == 1 and hour.requests > 1):
        return "good"
    return "warn" if rate < 0.1 else "bad"


def alerts(request: HttpRequest) -> list[Alert]:
    """Alerts of budgets that were raised in their present periods, the highest percent of each counter, the highest first."""
    periods = {span_of(period, time.time()).name for period in Period}
    seen = visible(request, Budget.objects.filter(enabled=True))
    rows = BudgetAlert.objects.filter(period__in=periods, budget__in=ids_as_texts(seen)).order_by("-at")[:MOST_ALERTS]
    highest: dict[tuple[str, str], BudgetAlert] = {}
    for row in rows:
        known = highest.get((row.budget, row.counter))
        if known is None or row.percent > known.percent:
            highest[row.budget, row.counter] = row
    chosen = sorted(highest.values(), key=lambda row: -row.percent)[:SHOWN_ALERTS]
    owners = ("client_key", "person", "project", "tenant", "model")
    budgets = {str(one.pk): one for one in Budget.objects.filter(pk__in={row.budget for row in chosen}).select_related(*owners)}
    return [told(budgets[row.budget], row) for row in chosen if row.budget in budgets]


def told(budget: Budget, row: BudgetAlert) -> Alert:
    scope, _ = budget.scope
    stops = ", requests are refused" if budget.hard and row.percent >= 100 else ""
    spent = f"{amount(row.spent, budget.unit)} of {amount(row.amount, budget.unit)}"
    text = f"{row.percent} % was reached: {spent}{stops}."
    named = f"{scope.replace('_', ' ')} {getattr(budget, scope)}"
    return Alert(named, page_of(budget), text, "bad" if row.percent >= 100 else "warn")
