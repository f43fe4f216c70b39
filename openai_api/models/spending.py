"""What is kept of spending and of limits?"""

from __future__ import annotations

from django.db import models


class LedgerEntry(models.Model):
    """One line of what budgets were charged. Written once, never changed or deleted: what is wrong is adjusted by another line.

    Of the kinds, `hold` and `release` add up to what is held for running requests, `settle` and `adjust` to what is spent.
    Amounts are billionths of a US dollar, or tokens.
    """

    class Kind(models.TextChoices):
        HOLD = "hold", "Hold"
        SETTLE = "settle", "Settle"
        RELEASE = "release", "Release"
        ADJUST = "adjust", "Adjust"

    id = models.CharField(primary_key=True, max_length=64)
    at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    budget = models.CharField(max_length=36, help_text="The id of the budget.")
    counter = models.CharField(max_length=80, help_text="What the budget counts: itself, or one of its keys or people.")
    period = models.CharField(max_length=12)
    unit = models.CharField(max_length=8)
    request_id = models.CharField(max_length=128, default="", blank=True)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=200, default="", blank=True, help_text="Of an adjustment: why, and by whom.")

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "entry of the ledger"
        verbose_name_plural = "ledger"
        indexes = [
            models.Index(fields=["budget", "at"], name="ledger_by_budget"),
            models.Index(fields=["request_id"], condition=~models.Q(request_id=""), name="ledger_by_request"),
        ]

    def __str__(self) -> str:
        return self.id


class BudgetCounter(models.Model):
    """What the ledger of one counter and period adds up to, written with its entries. `version` rises with every change."""

    budget = models.CharField(max_length=36)
    counter = models.CharField(max_length=80)
    period = models.CharField(max_length=12)
    unit = models.CharField(max_length=8)
    spent = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "budget counter"
        constraints = [models.UniqueConstraint(fields=["counter", "period"], name="one_counter_a_period")]
        indexes = [models.Index(fields=["budget", "period"], name="budget_counter_by_budget")]

    def __str__(self) -> str:
        return f"{self.counter} {self.period}"


class OpenHold(models.Model):
    """A hold of a request that has not ended. One that is there after its deadline belongs to a worker that is gone."""

    id = models.CharField(primary_key=True, max_length=64)
    budget = models.CharField(max_length=36)
    counter = models.CharField(max_length=80)
    period = models.CharField(max_length=12)
    unit = models.CharField(max_length=8)
    request_id = models.CharField(max_length=128)
    amount = models.BigIntegerField()
    deadline = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "open hold"

    def __str__(self) -> str:
        return self.id


class BudgetAlert(models.Model):
    """A percent of a budget that was reached: told once a period."""

    budget = models.CharField(max_length=36)
    counter = models.CharField(max_length=80)
    period = models.CharField(max_length=12)
    percent = models.PositiveSmallIntegerField()
    spent = models.BigIntegerField()
    amount = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = "budget alert"
        constraints = [models.UniqueConstraint(fields=["counter", "period", "percent"], name="one_alert_a_percent")]
        indexes = [models.Index(fields=["budget", "at"], name="budget_alert_by_budget")]

    def __str__(self) -> str:
        return f"{self.counter} {self.period} {self.percent} %"


class LimitCounterRow(models.Model):
    """What is used of a limit or a budget, where neither the memory of one worker nor Redis counts it."""

    name = models.CharField(max_length=200, primary_key=True)
    state = models.TextField(help_text="JSON, by the kind of the counter.")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "limit counter"

    def __str__(self) -> str:
        return self.name
