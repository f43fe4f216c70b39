"""How is the budget of a new key said on the command line? `--budget` and `--budget-period`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from models_catalog.models import Budget, ClientKey


def add_budget(parser: ArgumentParser) -> None:
    """The options."""
    periods = [str(period.value) for period in Budget.Period]
    parser.add_argument("--budget", type=dollars, metavar="USD", help="US dollars that may be spent with it; default: no bound")
    parser.add_argument("--budget-period", choices=periods, default="month", help="how long --budget is for; default: month")


def make_budget(row: ClientKey, options: Mapping[str, Any]) -> None:
    """The budget that was asked for. Raises `ValidationError`."""
    if options["budget"] is not None:
        budget = Budget(client_key=row, amount=options["budget"], period=options["budget_period"])
        budget.full_clean()
        budget.save()


def dollars(text: str) -> Decimal:
    """A positive amount of US dollars."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError("must be a number of US dollars") from None
    if not amount.is_finite() or amount <= 0:
        raise ArgumentTypeError("must be more than 0")
    return amount
