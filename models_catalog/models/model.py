"""Which models do clients ask for, and which ones stand in for them?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.querysets import CatalogManager


def positive_seconds(**options: Any) -> models.FloatField[float | None, float | None]:
    """A time-out in seconds; empty means the gateway's default."""
    return models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.001), validation.check_finite], **options)


def price(label: str) -> models.DecimalField[Decimal | None, Decimal | None]:
    """US dollars for a million tokens; empty means unknown."""
    return models.DecimalField(
        label,
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars per million tokens; empty: unknown.",
    )


class ModelDefinition(CatalogModel):
    """A public model: what clients ask for, what it can do, and where it is served, in order."""

    name = models.CharField(
        max_length=200, unique=True, validators=[validation.check_name], help_text="The name that clients send as `model`."
    )
    enabled = models.BooleanField(default=True)
    capabilities = models.JSONField(default=validation.default_capabilities, blank=True)
    fallback_models: models.ManyToManyField[ModelDefinition, Fallback] = models.ManyToManyField(
        "self", through="Fallback", symmetrical=False, blank=True, related_name="fallback_of"
    )
    num_retries = models.PositiveSmallIntegerField(
        default=2, help_text="Further passes over all routes after a failure that may pass by itself."
    )
    max_retry_delay_s = models.FloatField(
        "longest pause between retries (s)", default=10.0, validators=[MinValueValidator(0.0), validation.check_finite]
    )
    connect_timeout_s = positive_seconds(verbose_name="connect time-out (s)")
    first_byte_timeout_s = positive_seconds(verbose_name="first byte time-out (s)")
    idle_timeout_s = positive_seconds(verbose_name="idle time-out (s)")
    total_timeout_s = positive_seconds(verbose_name="total time-out (s)")
    input_price = price("input price")
    output_price = price("output price")
    context_length = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(validation.MOST_TOKENS)],
        help_text="The most tokens that a request and its answer may have; empty: unknown.",
    )
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CatalogManager["ModelDefinition"]()

    class Meta:
        ordering = ["name"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name

    def check_rules(self) -> None:
        validation.clean_model(capabilities=self.capabilities, metadata=self.metadata)


class Fallback(CatalogModel):
    """Another model that is tried, in the order of `position`, when all routes of a model have failed."""

    model = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, related_name="fallbacks")
    fallback = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField(default=0, db_index=True)

    objects = CatalogManager["Fallback"]()

    class Meta:
        ordering = ["model", "position", "pk"]
        verbose_name = "fallback model"
        constraints = [models.UniqueConstraint(fields=["model", "fallback"], name="fallback_unique_in_model")]

    def __str__(self) -> str:
        return str(self.fallback)
