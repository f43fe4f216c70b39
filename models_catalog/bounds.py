"""What bounds what a client uses? Limits and budgets as requests need them; they stand in the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NANO = 1_000_000_000
"""Money is counted in whole billionths of a US dollar, so that sums are exact."""


class Counted(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENT = "concurrent"


class Algorithm(StrEnum):
    FIXED_WINDOW = "fixed_window"
    SLIDING_WINDOW = "sliding_window"
    TOKEN_BUCKET = "token_bucket"  # noqa: S105 - not a token of anybody


class Each(StrEnum):
    """Whether a rule counts for its subject as a whole, or anew for each key or person in it."""

    ALL = ""
    KEY = "key"
    PERSON = "person"


class Unit(StrEnum):
    USD = "usd"
    TOKENS = "tokens"


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class LimitRule:
    """At most `amount` in `window_s` seconds (0: at once). `scope` is "key", "person", "project", "tenant" or "model", `subject`
    the id of that, or the model's name; `burst` is what a token bucket holds."""

    id: str
    scope: str
    subject: str
    counted: Counted
    amount: int
    window_s: int
    algorithm: Algorithm
    burst: int
    each: Each = Each.ALL


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """At most `amount` in a period, in billionths of a US dollar or in tokens. A `hard` one stops requests; `refuses_unknown`
    says what becomes of requests whose price is not known, None as the setting says. `alerts` are percents, rising."""

    id: str
    scope: str
    subject: str
    unit: Unit
    amount: int
    period: Period
    hard: bool = True
    refuses_unknown: bool | None = None
    each: Each = Each.ALL
    alerts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The rules that a request of a client, or for a model, is held to."""

    limits: tuple[LimitRule, ...] = ()
    budgets: tuple[BudgetRule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.limits or self.budgets)


NO_BOUNDS = Bounds()


def counter_of(rule: LimitRule | BudgetRule, lineage: str, person: str) -> str:
    """The name of what the rule counts for a client. Who has no person is a person of its own."""
    if rule.each is Each.KEY:
        return f"{rule.id}:{lineage}"
    if rule.each is Each.PERSON:
        return f"{rule.id}:{person or lineage}"
    return rule.id
