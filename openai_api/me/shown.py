"""What does the first page of /me show? Keys with their state, what they have used, what bounds them, and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse

from models_catalog.admin.pages.client_keys import shown, status
from models_catalog.models import Budget, ClientKey, Limit, Person
from openai_api.database.budget_alerts import amount_of
from openai_api.database.budget_figures import Figure, money, own_figures
from openai_api.database.key_usage import usage_of
from openai_api.limits.figures import PERIODS, Usage, Used
from openai_api.me.own_keys import MOST_SHOWN, in_force, keys_of, rules_of, why_not

WITHIN_S = 5.0
MOST_REQUESTS = 20
TITLES = {"today": "Today", "7_days": "7 days", "30_days": "30 days"}
log = structlog.stdlib.get_logger("gateway.me")


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key in the list."""

    row: ClientKey
    text: str
    state: str
    kind: str
    usable: bool
    cost: Any
    requests: int


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A limit or a budget, and of whom it is."""

    text: str
    whose: str
    note: str
    used: str = ""
    percent: int = 0


def home(request: HttpRequest, person: Person) -> dict[str, Any]:
    rows = list(keys_of(person)[:MOST_SHOWN])
    usage = figures(rows)
    lines = {} if usage is None else {line.key: line.used for line in usage.keys}
    usable = set(in_force(keys_of(person)).values_list("pk", flat=True)[:MOST_SHOWN])
    limits, budgets = rules_of(person, rows)
    return {
        "person": person,
        "keys": [of_key(row, lines.get(str(row.pk)), usable=row.pk in usable) for row in rows],
        "why_not": why_not(person),
        "usage": usage,
        "periods": [] if usage is None else [(TITLES[period], usage.total(period)) for period in PERIODS],
        "models": [] if usage is None else of_models(usage, rows),
        "limits": [of_rule(rule, "") for rule in limits],
        "budgets": of_budgets(budgets, person, rows),
        "requests": list(person.requests.select_related("client_key")[:MOST_REQUESTS]),
        "base_url": request.build_absolute_uri("/v1"),
        "is_staff": request.user.is_staff,
        "admin": reverse("admin:index"),
    }


def figures(rows: Sequence[ClientKey]) -> Usage | None:
    """None where the database takes too long."""
    try:
        return usage_of([str(row.pk) for row in rows], WITHIN_S)
    except DatabaseError as error:
        log.warning("usage of a person is not shown", error=type(error).__name__)
        return None


def of_key(row: ClientKey, used: Any, *, usable: bool) -> ShownKey:
    month = Used() if used is None else used["30_days"]
    return ShownKey(row, shown(row), *status(row), usable=usable, cost=month.cost_usd, requests=month.requests)


def of_models(usage: Usage, rows: Sequence[ClientKey]) -> list[tuple[str, str, Used]]:
    """The model, the key's name, and what was used in the longest period."""
    names = {str(row.pk): row.name for row in rows}
    return [(line.model, names.get(line.key, ""), line.used["30_days"]) for line in usage.models]


def of_budgets(budgets: Sequence[Budget], person: Person, rows: Sequence[ClientKey]) -> list[ShownRule]:
    """Each with what is used of it: of one that counts each key or person, by the person or the key that has used most."""
    whose = {str(person.pk), *(str(row.lineage or row.pk) for row in rows)}
    try:
        found = own_figures(budgets, whose)
    except DatabaseError as error:
        log.warning("budgets of a person are shown without figures", error=type(error).__name__)
        found = {}
    return [
        replace(
            of_rule(rule, "" if rule.hard else "tells, does not stop"),
            **_used(found.get(str(rule.pk)) or Figure("", "", rule.unit, 0, 0, amount_of(rule), None)),
        )
        for rule in budgets
    ]


def _used(figure: Figure) -> dict[str, Any]:
    """The words, and the percents of the bar."""
    held = f", {money(figure.held, figure.unit)} held by requests that run" if figure.held else ""
    until = f", until {figure.end:%Y-%m-%d %H:%M} UTC" if figure.end else ""
    left = max(0, figure.amount - figure.spent - figure.held)
    words = f"{money(figure.spent, figure.unit)} spent{held}, {money(left, figure.unit)} left{until}"
    return {
        "used": words,
        "percent": min(100, round(100 * (figure.spent + figure.held) / figure.amount)) if figure.amount else 100,
    }


def of_rule(rule: Limit | Budget, note: str) -> ShownRule:
    scope, _ = rule.scope
    named = {"client_key": rule.client_key, "project": rule.project}.get(scope)
    whose = (
        f"{'key' if scope == 'client_key' else scope} {named.name}" if named else f"your {scope}" if scope == "tenant" else "you"
    )
    each = f", each {rule.each}" if rule.each else ""
    return ShownRule(str(rule), f"{whose}{each}", note)
