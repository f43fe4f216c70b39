"""What do people ask for on the page /me? More than their keys have: a model, a limit, a budget."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog.models.client_key import ClientKey
from models_catalog.models.rules import MOST, Budget, Limit
from models_catalog.models.tenancy import Person


class KeyRequest(models.Model):
    """A wish of a person for one of their keys, or for all of them together, and what became of it. No row of the catalog: what
    is granted changes one."""

    class Wanted(models.TextChoices):
        MODEL = "model", "A model"
        REQUESTS = "requests", "More requests"
        TOKENS = "tokens", "More tokens"
        CONCURRENT = "concurrent", "More requests at once"
        BUDGET = "usd", "A higher budget"
        OTHER = "other", "Something else"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="requests")
    client_key = models.ForeignKey(
        ClientKey,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="requests",
        help_text="Empty: for all keys of the person together.",
    )
    wanted = models.CharField(max_length=12, choices=Wanted.choices)
    model_name = models.CharField(
        "model",
        max_length=200,
        blank=True,
        default="",
        help_text="As it stands in requests; who asks is not told if it exists.",
    )
    amount = models.DecimalField(
        max_digits=18,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.000001")), MaxValueValidator(Decimal(10**12))],
        help_text="What it should be, in all: requests, tokens or US dollars.",
    )
    per = models.CharField(max_length=8, choices=Limit.Per.choices, default=Limit.Per.MINUTE)
    period = models.CharField(max_length=8, choices=Budget.Period.choices, default=Budget.Period.MONTH)
    reason = models.TextField(max_length=2000, blank=True, default="", help_text="What it is for.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN, editable=False)
    answer = models.TextField(max_length=2000, blank=True, default="", editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "request for more"
        verbose_name_plural = "requests for more"
        indexes = [models.Index(fields=["state", "created_at"], name="key_request_by_state")]

    def __str__(self) -> str:
        return f"{self.person}: {self.wish}"

    @property
    def wish(self) -> str:
        """What is wanted, in words."""
        if self.wanted == self.Wanted.MODEL:
            return f"the model {self.model_name}"
        if self.amount is None:
            return "something else"
        amount = f"{self.amount.normalize():f}"
        if self.wanted == self.Wanted.BUDGET:
            return f"{amount} US dollars, {self.get_period_display().lower()}"
        if self.wanted == self.Wanted.CONCURRENT:
            return f"{amount} requests at once"
        return f"{amount} {self.wanted} a {self.per}"

    @property
    def counts(self) -> bool:
        """Whether a number is wanted of something that is counted."""
        return self.wanted in (self.Wanted.REQUESTS, self.Wanted.TOKENS, self.Wanted.CONCURRENT)

    def clean(self) -> None:
        """What is wanted must be said, and be possible."""
        if self.wanted == self.Wanted.MODEL:
            if not self.model_name:
                raise ValidationError({"model_name": "Name the model."})
            if self.client_key is None:
                raise ValidationError({"client_key": "Choose the key that should have the model."})
        elif self.wanted not in self.Wanted.values:
            return  # its field says so
        elif self.wanted == self.Wanted.OTHER:
            if not self.reason.strip():
                raise ValidationError({"reason": "Say what you need."})
        elif self.amount is None:
            raise ValidationError({"amount": "Say how much it should be, in all."})
        elif self.counts and (self.amount != int(self.amount) or self.amount > MOST):
            raise ValidationError({"amount": "Enter a whole number."})
