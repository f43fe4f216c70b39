"""How much may be asked, and for how much money? Limits and budgets of keys, people, projects, tenants and models.

What is counted is not here: counters are no catalog rows.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import rule_validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.client_key import ClientKey
from models_catalog.models.model import ModelDefinition
from models_catalog.models.querysets import CatalogManager
from models_catalog.models.revised import RevisedManager, RevisedModel
from models_catalog.models.tenancy import Person, Project, Tenant
from models_catalog.publish import Part

MOST = 2**53
"""What every store counts exactly: Lua has only floating-point numbers."""
SCOPES = ("client_key", "person", "project", "tenant", "model")


class Each(models.TextChoices):
    """Whether a rule counts for its subject as a whole, or anew for each key or person in it."""

    ALL = "", "All together"
    KEY = "key", "Each key"
    PERSON = "person", "Each person"


class Rule(RevisedModel):
    """A row that bounds what one subject uses: exactly one of the columns in `SCOPES` is set."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_key = models.ForeignKey(ClientKey, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    model = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, null=True, blank=True, related_name="%(class)ss")
    each = models.CharField(max_length=10, choices=Each.choices, default=Each.ALL, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        abstract = True

    def check_rules(self) -> None:
        rule_validation.clean_scope({name: getattr(self, f"{name}_id") for name in SCOPES}, self.each)

    @property
    def scope(self) -> tuple[str, str]:
        """The column of its subject and the id of that."""
        return next((name, str(found)) for name in SCOPES if (found := getattr(self, f"{name}_id")) is not None)


class Limit(Rule):
    """How fast: requests or tokens in a time, or requests at once."""

    class Counted(models.TextChoices):
        REQUESTS = "requests", "Requests"
        TOKENS = "tokens", "Tokens"
        CONCURRENT = "concurrent", "Requests at once"

    class Per(models.TextChoices):
        SECOND = "second", "Second"
        MINUTE = "minute", "Minute"
        HOUR = "hour", "Hour"
        DAY = "day", "Day"

    class Algorithm(models.TextChoices):
        FIXED_WINDOW = "fixed_window", "Fixed window"
        SLIDING_WINDOW = "sliding_window", "Sliding window"
        TOKEN_BUCKET = "token_bucket", "Token bucket"

    counted = models.CharField(max_length=12, choices=Counted.choices, default=Counted.REQUESTS)
    amount = models.PositiveBigIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MOST)])
    per = models.CharField(max_length=8, choices=Per.choices, default=Per.MINUTE, help_text="Not looked at for requests at once.")
    algorithm = models.CharField(max_length=16, choices=Algorithm.choices, default=Algorithm.SLIDING_WINDOW)
    burst = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST)],
        help_text="Of a token bucket: how much may come at once; empty: the amount.",
    )

    objects = RevisedManager["Limit"]()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        at_once = self.counted == self.Counted.CONCURRENT
        return f"{self.amount} requests at once" if at_once else f"{self.amount} {self.counted} a {self.per}"


class Budget(Rule):
    """How much in all: money or tokens in a period. Periods begin at midnight UTC; weeks on Monday."""

    class Unit(models.TextChoices):
        USD = "usd", "US dollars"
        TOKENS = "tokens", "Tokens"

    class Period(models.TextChoices):
        DAY = "day", "Day"
        WEEK = "week", "Week"
        MONTH = "month", "Month"
        TOTAL = "total", "For good"

    class Unknown(models.TextChoices):
        SETTING = "", "As GATEWAY_UNKNOWN_PRICE says"
        REFUSE = "refuse", "Refuse the request"
        ALLOW = "allow", "Allow it, at no cost"

    unit = models.CharField(max_length=8, choices=Unit.choices, default=Unit.USD)
    amount = models.DecimalField(
        max_digits=18,
        decimal_places=6,
        validators=[MinValueValidator(Decimal("0.000001"))],
        help_text="US dollars, or a whole number of tokens.",
    )
    period = models.CharField(max_length=8, choices=Period.choices, default=Period.MONTH)
    hard = models.BooleanField("stops", default=True, help_text="Off: requests go on when it is used up, and alerts tell of it.")
    unknown_price = models.CharField(
        max_length=8,
        choices=Unknown.choices,
        default=Unknown.SETTING,
        blank=True,
        help_text="What becomes of a request whose price is not known.",
    )
    alerts = models.JSONField(
        "alert at", default=list, blank=True, help_text="JSON: a list of percents at which an alert is sent, like [50, 80, 100]."
    )
    alert_url = models.URLField("webhook", max_length=500, blank=True, default="", help_text="Alerts are posted there, as JSON.")
    alert_email = models.EmailField("mail", blank=True, default="", help_text="Alerts are sent there.")

    objects = RevisedManager["Budget"]()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.get_unit_display()} {self.get_period_display().lower()}"

    def check_rules(self) -> None:
        super().check_rules()
        rule_validation.clean_budget(self.unit, self.amount, self.alerts)


class Price(CatalogModel):
    """What a model, or one route of it, costs from a moment on. Empty: as the model's own columns say, else unknown."""

    part = Part.ROUTING

    model = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, related_name="price_list")
    route = models.ForeignKey(
        "Route", on_delete=models.CASCADE, null=True, blank=True, related_name="price_list", help_text="Empty: every route."
    )
    effective_from = models.DateTimeField(null=True, blank=True, help_text="Empty: since ever.")
    service_tier = models.CharField(
        max_length=20, blank=True, default="", help_text="The tier that served, like flex or priority; empty: the standard one."
    )
    rates = models.JSONField(
        default=dict,
        help_text="JSON: US dollars by unit. Per million tokens: input, output, cached, cache_write, cache_write_1h, reasoning, "
        "audio_input, audio_output, image_input, image_output. Each: request, image. Per second: audio_second. Per million: "
        "character.",
    )
    source = models.CharField(max_length=200, blank=True, default="", help_text="Where the price comes from.")

    objects = CatalogManager["Price"]()

    class Meta:
        ordering = ["model", "route", "effective_from", "service_tier"]

    def __str__(self) -> str:
        return f"{self.model} {self.service_tier}".strip()

    def check_rules(self) -> None:
        rule_validation.clean_rates(self.rates)

    def clean(self) -> None:
        """Nobody could say which of two prices for the same route, tier and moment holds; a database takes NULLs for distinct."""
        rows = Price.objects.filter(model_id=self.model_id, service_tier=self.service_tier)
        for name, value in (("route_id", self.route_id), ("effective_from", self.effective_from)):
            rows = rows.filter(**{f"{name}__isnull": True} if value is None else {name: value})
        if rows.exclude(pk=self.pk).exists():
            raise ValidationError("There is another price for the same route, tier and moment.", code="unique")
