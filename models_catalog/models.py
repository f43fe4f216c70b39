"""What does an operator edit? Credentials, providers, models with their ordered routes, and client keys."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models

from models_catalog import validation
from models_catalog.fields import EncryptedTextField
from models_catalog.querysets import CatalogManager


class CatalogVersion(models.Model):
    """One row: the version of the catalog, raised in the transaction of every write."""

    version = models.BigIntegerField(default=0)

    objects = models.Manager["CatalogVersion"]()

    def __str__(self) -> str:
        return str(self.version)


class Credential(models.Model):
    """How the gateway authenticates at a provider: a secret stored encrypted, or where to find one."""

    class Source(models.TextChoices):
        STORED = "stored", "Stored here, encrypted"
        ENV = "env", "Environment variable"
        PATH = "path", "File"
        PATH_FROM_ENV = "path_from_env", "File named by an environment variable"
        DYNAMIC = "dynamic", "Brought by each request"
        NONE = "none", "None needed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.STORED)
    location = models.CharField(
        max_length=1000, blank=True, help_text="Name of the variable, path of the file, or name of the request's credential."
    )
    secret = EncryptedTextField(blank=True, default="", editable=False)
    last_four = models.CharField(max_length=4, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CatalogManager["Credential"]()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validation.clean_credential(self)


class Provider(models.Model):
    """An upstream account: its type, address, credential and what is added to every request."""

    name = models.CharField(max_length=200, unique=True)
    type = models.CharField(max_length=50, choices=validation.provider_type_choices)
    enabled = models.BooleanField(default=True)
    api_base = models.CharField(
        "API base", max_length=1000, blank=True, help_text="Overrides the type's own address, e.g. https://host/v1"
    )
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.PROTECT, related_name="providers")
    extra_headers = models.JSONField(default=dict, blank=True, help_text='Headers for every request: {"name": "value"}')
    extra_body = models.JSONField(default=dict, blank=True, help_text='Top-level fields for every request body: {"field": value}')
    options = models.JSONField(default=dict, blank=True, help_text="Settings of this provider type, e.g. Azure's api_version.")

    objects = CatalogManager["Provider"]()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validation.clean_provider(self)


def positive_seconds(**options: Any) -> models.FloatField[float | None, float | None]:
    """A time-out in seconds; empty means the gateway's default."""
    return models.FloatField(null=True, blank=True, validators=[MinValueValidator(0.001)], **options)


class ModelDefinition(models.Model):
    """A public model: what clients ask for, what it can do, and where it is served, in order."""

    name = models.CharField(max_length=200, unique=True, help_text="The name that clients send as `model`.")
    enabled = models.BooleanField(default=True)
    capabilities = models.JSONField(default=validation.default_capabilities, blank=True)
    fallback_models: models.ManyToManyField[ModelDefinition, Fallback] = models.ManyToManyField(
        "self", through="Fallback", symmetrical=False, blank=True, related_name="fallback_of"
    )
    num_retries = models.PositiveSmallIntegerField(
        default=2, help_text="Further passes over all routes after a failure that may pass by itself."
    )
    max_retry_delay_s = models.FloatField("longest pause between retries (s)", default=10.0, validators=[MinValueValidator(0.0)])
    connect_timeout_s = positive_seconds(verbose_name="connect time-out (s)")
    first_byte_timeout_s = positive_seconds(verbose_name="first byte time-out (s)")
    idle_timeout_s = positive_seconds(verbose_name="idle time-out (s)")
    total_timeout_s = positive_seconds(verbose_name="total time-out (s)")
    input_price = models.DecimalField(
        "input price", max_digits=14, decimal_places=6, null=True, blank=True, help_text="US dollars per million tokens; empty: unknown."
    )
    output_price = models.DecimalField(
        "output price", max_digits=14, decimal_places=6, null=True, blank=True, help_text="US dollars per million tokens; empty: unknown."
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

    def clean(self) -> None:
        validation.clean_model(self)


class Route(models.Model):
    """One place where a model is served. Routes are tried in the order of `position`."""

    model = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, related_name="routes")
    name = models.CharField(max_length=200, blank=True, help_text="Name within the model; empty: the provider's name.")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="routes")
    upstream_model = models.CharField(max_length=300, blank=True, help_text="The provider's name for it; empty: the public name.")
    enabled = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0, db_index=True)

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


class Fallback(models.Model):
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


class ClientKey(models.Model):
    """A key that lets a program call the gateway. Only its SHA-256 is stored; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    public_id = models.CharField(max_length=32, blank=True, default="", editable=False, db_index=True)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    last_four = models.CharField(max_length=4, blank=True, default="", editable=False)
    enabled = models.BooleanField(default=True)
    all_models = models.BooleanField(default=True, help_text="Off: only the models chosen below.")
    allowed_models = models.ManyToManyField(ModelDefinition, blank=True, related_name="client_keys")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CatalogManager["ClientKey"]()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "client key"

    def __str__(self) -> str:
        return self.name
