"""How does an operator put right what is spent of a budget? By an entry of the ledger, from the command line."""

from __future__ import annotations

import uuid
from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_catalog.models import Budget
from openai_api.database.budget_figures import money
from openai_api.database.ledger_adjustments import CannotAdjust, adjust


def number(text: str) -> Decimal:
    """An amount, with its sign."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError("must be a number") from None
    if not found.is_finite():
        raise ArgumentTypeError("must be a number")
    return found


class Command(BaseCommand):
    help = "Adds an entry to the ledger of a budget: more, or with a negative number less, is spent in the present period."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("budget", help="the id of the budget, as show_budgets has it")
        parser.add_argument("amount", type=number, help="US dollars, or tokens; put -- before a negative number")
        parser.add_argument("--reason", required=True, help="why: it is kept with the entry")
        parser.add_argument("--counter", default="", help="of a budget that counts each key or person: which counter")

    def handle(self, *, budget: str, amount: Decimal, reason: str, counter: str, **options: Any) -> None:
        try:
            row = Budget.objects.filter(pk=uuid.UUID(budget)).first()
        except ValueError:
            row = None
        if row is None:
            raise CommandError(f"there is no budget {budget!r}")
        try:
            entry = adjust(row, amount, reason, counter)
        except CannotAdjust as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Adjusted {entry.counter} in {entry.period} by {money(entry.amount, entry.unit)}.")
