"""What is spent and held of all budgets?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from models_catalog.models import Budget
from models_catalog.models.rules import SCOPES
from openai_api.database.budget_figures import Figure, figures_of, money


class Command(BaseCommand):
    help = "Shows budgets with what is spent and held of them in the present period."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *, json: bool, **options: Any) -> None:
        rows = Budget.objects.select_related(*SCOPES).order_by("pk")
        found = [(row, figures_of(row, now_only=True)) for row in rows]
        if json:
            self.stdout.write(as_json(found))
            return
        if not found:
            self.stdout.write("There are no budgets.")
        for row, figures in found:
            for line in lines_of(row, figures):
                self.stdout.write(line)


def lines_of(row: Budget, figures: list[Figure]) -> Iterator[str]:
    scope, _ = row.scope
    state = "" if row.enabled else ", switched off"
    stops = "stops requests" if row.hard else "only tells"
    yield f"{row.pk}  {scope.replace('_', ' ')} {getattr(row, scope)}: {row}, {stops}{state}"
    if not figures:
        yield "    nothing is spent yet"
    for figure in figures:
        held = f", {money(figure.held, figure.unit)} held" if figure.held else ""
        until = f", until {figure.end:%Y-%m-%d %H:%M} UTC" if figure.end else ""
        yield f"    {figure.counter} {figure.period}: {money(figure.spent, figure.unit)} spent{held}{until}"


def as_json(found: list[tuple[Budget, list[Figure]]]) -> str:
    told = [
        {
            "id": str(row.pk),
            "scope": row.scope[0],
            "subject": row.scope[1],
            "unit": row.unit,
            "amount": str(row.amount.normalize()),
            "period": row.period,
            "hard": row.hard,
            "enabled": row.enabled,
            "counters": [
                {
                    "counter": figure.counter,
                    "period": figure.period,
                    "spent": figure.spent,
                    "held": figure.held,
                    "end": figure.end.isoformat() if figure.end else None,
                }
                for figure in figures
            ],
        }
        for row, figures in found
    ]
    return json.dumps(told, indent=1)
