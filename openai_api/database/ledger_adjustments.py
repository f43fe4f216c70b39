"""How is what is spent of a budget put right? By one more entry of the ledger, with a reason."""

from __future__ import annotations

import time
import uuid
from decimal import Decimal

from models_catalog.bounds import NANO, Period, Unit
from models_catalog.models import Budget
from openai_api.database.ledger import write
from openai_api.limits.journal import Entry, Kind
from openai_api.spending.periods import span_of

MOST = 2**53


class CannotAdjust(ValueError):
    """The adjustment makes no sense; the text says why."""


def adjust(budget: Budget, amount: Decimal, reason: str, counter: str = "") -> Entry:
    """Adds `amount`, US dollars or tokens, to what is spent in the present period; gateways follow within seconds. `counter` is
    which one, of a budget that has several. Raises `CannotAdjust` and database errors."""
    exact = amount * NANO if budget.unit == Budget.Unit.USD else amount
    if exact != int(exact) or not exact or abs(exact) > MOST:
        raise CannotAdjust("The amount must be a whole number of tokens, or of billionths of a US dollar, and not 0.")
    own = str(budget.pk)
    if budget.each and not counter.startswith(f"{own}:"):
        raise CannotAdjust(f"The budget counts each {budget.each}: name the counter, which begins with {own}:.")
    if not budget.each and counter not in ("", own, f"{own}:t"):
        raise CannotAdjust("The budget has one counter only: leave it empty.")
    name = counter or (own if budget.unit == Budget.Unit.USD else f"{own}:t")
    now = time.time()
    period = span_of(Period(budget.period), now).name
    unit = Unit(budget.unit)
    entry = Entry(f"adjust-{uuid.uuid4().hex}", now, Kind.ADJUST, own, name, period, unit, "", int(exact), reason=reason)
    write([entry])
    return entry
