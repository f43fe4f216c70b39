"""Where is each model served, and how did the last test of that end?"""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.columns import column
from models_catalog.models.model import ModelDefinition
from models_catalog.models.provider import Provider
from models_catalog.models.querysets import CatalogManager


def _most(label: str) -> models.PositiveIntegerField[int | None, int | None]:
    """How much its upstream takes; empty means any."""
    return models.PositiveIntegerField(
        label,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(2**31 - 1)],
        help_text="What the upstream takes: the route is passed over while it is at this. Empty: any.",
    )


class Route(CatalogModel):
    """One place where a model is served. Routes are tried in the order of `position`."""

    model = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, related_name="routes")
    name = models.CharField(
        max_length=200,
        blank=True,
        validators=[validation.check_name],
        help_text="Its name in records, unique in the model; empty: the provider's name.",
    )
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="routes")
    upstream_model = column(
        models.CharField(max_length=300, blank=True, help_text="The provider's name for the model; empty: the public name."),
        file="model_name",
        special=True,
        always=True,
    )
    enabled = column(models.BooleanField(default=True))
    position = models.PositiveIntegerField(default=0, db_index=True)
    shares = column(
        models.BooleanField(
            "shares with the one above",
            default=False,
            db_default=False,
            help_text="Whether it takes its part of the requests, by weight; else it takes what the one above could not serve.",
        )
    )
    weight = column(
        models.FloatField(
            default=1.0,
            db_default=1.0,
            validators=[MinValueValidator(0.0), MaxValueValidator(1e6), validation.check_finite],
            help_text="Its part of the requests, beside those of the routes that it shares them with; 0: none while another can.",
        )
    )
    rpm = column(_most("requests a minute"))
    tpm = column(_most("tokens a minute"))
    max_concurrent = column(_most("requests at once"))
    origin = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)

    objects = CatalogManager["Route"]()

    class Meta:
        ordering = ["model", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="route_name_unique_in_model")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name = self.name or self.provider.name
        self.upstream_model = self.upstream_model or self.model.name
        super().save(*args, **kwargs)

    @property
    def upstream(self) -> str:
        """What is called, in one text: a test of another upstream says nothing about this one."""
        return " ".join([self.provider.type, self.provider.api_base, self.upstream_model])


class RouteCheck(models.Model):
    """How the last test call of a capability of a route ended. Not part of what is compiled: it raises no version."""

    class Outcome(models.TextChoices):
        OK = "ok", "OK"
        FAILED = "failed", "Failing"
        SKIPPED = "skipped", "Skipped"

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="checks")
    capability = models.CharField(max_length=50)
    upstream = models.CharField(max_length=1400)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    latency_ms = models.PositiveIntegerField(null=True)
    code = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=500, blank=True)
    tested_at = models.DateTimeField()

    objects = models.Manager["RouteCheck"]()

    class Meta:
        ordering = ["route", "capability"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["route", "capability"], name="check_unique_in_route")]

    def __str__(self) -> str:
        return f"{self.capability}: {self.outcome}"
