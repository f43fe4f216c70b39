"""How is a limit or a budget told to people?"""

from __future__ import annotations

from time import time

from models_catalog.bounds import NANO, BudgetRule, Unit
from models_catalog.snapshot import Owner
from openai_api.explain.result import Rule
from openai_api.limits.parts import Seen
from openai_api.limits.store import NEVER
from openai_api.limits.told import subject, what

PERIODS = {"total": "in all"}


def rule_of(seen: Seen, owner: Owner) -> Rule:
    """A rule as it stands. `owner` is that of the key."""
    rule, found = seen.rule, seen.found
    budget = isinstance(rule, BudgetRule)
    step = NANO if isinstance(rule, BudgetRule) and rule.unit is Unit.USD else 1
    if isinstance(rule, BudgetRule):
        named, counts, unit, resets = f"this {rule.scope}", _counts(rule), rule.unit.value, seen.ends
    else:
        named, counts, unit = subject(rule, owner), what(rule), rule.counted.value
        resets = time() + found.reset_ms / 1000 if found.reset_ms else None
    return Rule(
        kind="budget" if budget else "limit",
        id=rule.id,
        subject=named,
        counts=counts,
        unit=unit,
        amount=rule.amount / step,
        used=found.used / step,
        takes=seen.takes / step,
        left=max(0, found.left if not budget else rule.amount - found.used) / step,
        refuses=bool(found.wait_ms),
        wait_s=None if found.wait_ms == NEVER else found.wait_ms / 1000,
        resets_at=resets,
    )


def _counts(rule: BudgetRule) -> str:
    unit = "USD" if rule.unit is Unit.USD else "tokens"
    return f"{unit} {PERIODS.get(rule.period.value, f'per {rule.period.value}')}"
