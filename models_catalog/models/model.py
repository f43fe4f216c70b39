"""Which models do clients ask for, and which ones stand in for them?"""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.columns import CAPABILITIES, column
from models_catalog.models.querysets import CatalogManager

MOST_RETRIES = 2**15 - 1
"""What the column of every database can hold."""

RETRIES, PRICES, METADATA = "Retries and time-outs", "Prices", "Metadata"
SHARING, CACHE = "Sharing", "Cache"
"""The tabs of the admin's page."""


class Strategy(models.TextChoices):
    """Which of several routes takes the next request."""

    ORDERED = "ordered", "In their order"
    WEIGHTED = "weighted", "By weight"
    LEAST_BUSY = "least_busy", "The least busy"
    FASTEST = "fastest", "The fastest"
    CHEAPEST = "cheapest", "The cheapest"


class CacheUse(models.TextChoices):
    """What is done with the cache where a request does not say it."""

    OFF = "off", "Off"
    ON = "on", "Read and write"
    READ_ONLY = "read_only", "Read only"
    WRITE_ONLY = "write_only", "Write only"


def seconds(label: str, place: str) -> models.FloatField[float | None, float | None]:
    """A time-out in seconds; empty means the gateway's default."""
    time_out = models.FloatField(label, null=True, blank=True, validators=[MinValueValidator(0.001), validation.check_finite])
    return column(time_out, file=place, listed=place, tab=RETRIES)


def price(label: str, file: str, card: str) -> models.DecimalField[Decimal | None, Decimal | None]:
    """US dollars for a million tokens; empty means unknown."""
    cost = models.DecimalField(
        label,
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars per million tokens; empty: unknown.",
    )
    return column(cost, file=file, card=card, tab=PRICES)


class ModelDefinition(CatalogModel):
    """A public model: what clients ask for, what it can do, and where it is served, in order."""

    name = models.CharField(
        max_length=200,
        unique=True,
        validators=[validation.check_name],
        help_text="The name that clients send as `model`. With * at its end it stands for every name that begins like it and "
        "that no other model has; a * at the end of an upstream model is then the rest of the name.",
    )
    enabled = column(models.BooleanField(default=True), listed="")
    capabilities = column(
        models.JSONField(default=validation.default_capabilities, blank=True),
        kind=CAPABILITIES,
        file="endpoints",
        special=True,
        always=True,
        listed="",
    )
    fallback_models: models.ManyToManyField[ModelDefinition, Fallback] = models.ManyToManyField(
        "self", through="Fallback", symmetrical=False, blank=True, related_name="fallback_of"
    )
    num_retries = column(
        models.PositiveSmallIntegerField(
            "retries",
            default=2,
            validators=[MaxValueValidator(MOST_RETRIES)],
            help_text="How often all routes are tried again after a failure that may be temporary.",
        ),
        file="retry_config.num_retries",
        absent=0,
        tab=RETRIES,
    )
    max_retry_delay_s = column(
        models.FloatField(
            "longest pause",
            default=10.0,
            validators=[MinValueValidator(0.0), validation.check_finite],
            help_text="Seconds between two passes over the routes, at most.",
        ),
        file="retry_config.max_delay_s",
        tab=RETRIES,
    )
    connect_timeout_s = seconds("connect time-out (s)", "timeouts.connect_s")
    first_byte_timeout_s = seconds("first byte time-out (s)", "timeouts.first_byte_s")
    idle_timeout_s = seconds("idle time-out (s)", "timeouts.idle_s")
    total_timeout_s = seconds("total time-out (s)", "timeouts.total_s")
    input_price = price("input price", "pricing.input_cost", "pricing.input_per_million")
    output_price = price("output price", "pricing.output_cost", "pricing.output_per_million")
    context_length = column(
        models.PositiveIntegerField(
            null=True,
            blank=True,
            validators=[MinValueValidator(1), MaxValueValidator(validation.MOST_TOKENS)],
            help_text="The most tokens that a request and its answer may have; empty: unknown. Shown in the list of models.",
        ),
        card="context_length",
        tab=METADATA,
    )
    description = column(
        models.TextField(
            blank=True,
            default="",
            validators=[MaxLengthValidator(1000)],
            help_text="What the model is good for, in up to 1000 characters. Shown to clients in the list of models.",
        ),
        card="description",
        tab=METADATA,
    )
    metadata = column(
        models.JSONField(default=dict, blank=True, help_text="Shown to clients in the list of models."),
        listed="",
        card="metadata",
        tab=METADATA,
    )
    strategy = column(
        models.CharField(
            max_length=12,
            choices=Strategy.choices,
            default=Strategy.ORDERED,
            db_default=Strategy.ORDERED,
            help_text="Which route takes the next request.",
        ),
        listed="",
        tab=SHARING,
    )
    affinity = column(
        models.BooleanField(
            default=True,
            db_default=True,
            help_text="Whether requests of a session, or with the same prompt_cache_key, go to the same one of routes that "
            "share: its prompt cache stays warm.",
        ),
        listed="",
        tab=SHARING,
    )
    cache = column(
        models.CharField(
            max_length=12,
            choices=CacheUse.choices,
            default=CacheUse.OFF,
            db_default=CacheUse.OFF,
            help_text="Whether answers are kept and given again to equal requests of the same key that do not say otherwise.",
        ),
        file="cache.enabled",
        listed="",
        tab=CACHE,
    )
    cache_max_age_s = column(
        models.FloatField(
            "longest age",
            null=True,
            blank=True,
            validators=[MinValueValidator(0.001), validation.check_finite],
            help_text="Seconds for which an answer is given again; empty: as GATEWAY_CACHE_MAX_AGE_S says.",
        ),
        file="cache.max_age_s",
        listed="",
        tab=CACHE,
    )
    cache_joins = column(
        models.BooleanField(
            "equal requests share a call",
            default=False,
            db_default=False,
            help_text="Whether equal requests that come at the same time wait for the first one's answer. Needs the cache.",
        ),
        file="cache.joins",
        listed="",
        tab=CACHE,
    )
    most_output_tokens = column(
        models.PositiveIntegerField(
            null=True,
            blank=True,
            validators=[MinValueValidator(1), MaxValueValidator(validation.MOST_TOKENS)],
            help_text="How many tokens an answer is expected to have at most where the request does not say; held by budgets.",
        ),
        listed="",
        tab=PRICES,
    )
    origin = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="Where it is published, if it is."
    )
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
