"""What is a request likely to cost? By the functions that hold budgets and bill requests."""

from __future__ import annotations

from decimal import Decimal

from models_catalog.bounds import NANO
from models_catalog.snapshot import ModelEntry
from models_catalog.tariffs import PICO
from openai_api.explain.result import Cost
from openai_api.limits.admission import Asking
from openai_api.limits.expected import expected
from openai_api.recording.costs import billed
from openai_api.spending.cost import most_of
from openai_api.spending.most import most_used
from providers.types import Target, Usage


def cost_at(asking: Asking, leg: ModelEntry, target: Target, now: float) -> Cost:
    """What it costs at that target, of that model; `now` is in seconds since the epoch."""
    call, path = asking.call, asking.record.path
    input_tokens = expected(call, leg, path).input if call.form is None else 0
    alone = billed(leg.prices.at(now, target.id).standard, Usage(input_tokens), {})
    most = most_used(call, leg, path)
    input_usd = None if alone is None else Decimal(alone) / PICO
    return Cost(input_tokens, most.output_tokens, input_usd, most_at(asking, leg, target, now))


def most_at(asking: Asking, leg: ModelEntry, target: Target, now: float) -> Decimal | None:
    """US dollars; None where a price is not known."""
    most = most_of(asking.call, leg, path=asking.record.path, target=target, now=now)
    return None if most is None else Decimal(most) / NANO
