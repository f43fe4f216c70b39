"""What does an operator edit? Credentials, providers, models with their ordered routes, and client keys."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models.base import ModelBase
from django.views.decorators.debug import sensitive_variables

from models_catalog import validation
from models_catalog.fields import EncryptedHeadersField, EncryptedTextField, headers_of, plain_headers
from models_catalog.querysets import CatalogManager
from providers.types import Secret

SHOWN_CHARACTERS = 4
MIN_LENGTH_TO_SHOW = 12


class CatalogVersion(models.Model):
    """One row: the version of the catalog, raised in the transaction of every write."""

    version = models.BigIntegerField(default=0)

    objects = models.Manager["CatalogVersion"]()

    def __str__(self) -> str:
        return str(self.version)


class CatalogModel(models.Model):
    """A row that people edit. It is saved in one transaction with the version; its rules are checked by `full_clean`."""

    class Meta:
        abstract = True

    def save_base(
        self,
        raw: bool = False,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        with transaction.atomic(using=using, savepoint=False):
            super().save_base(raw, force_insert, force_update, using, update_fields)

    def check_rules(self) -> None:
        """The rules of the row in `validation`, with errors by field."""

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, and the rules of the row. Errors of excluded fields are left out: their form cannot show them."""
        errors: dict[str, list[ValidationError]] = {}
        try:
            super().clean_fields(exclude=exclude)
        except ValidationError as err:
            errors = err.update_error_dict(errors)
        try:
            self.check_rules()
        except ValidationError as err:
            errors.update(err.error_dict)
        errors = {name: found for name, found in errors.items() if name not in (exclude or ())}
        if errors:
            raise ValidationError(errors)


def shown_characters(secret: Secret) -> str:
    """The last characters of a secret, by which people tell it from others; none of a short one."""
    value = secret.reveal()
    return value[-SHOWN_CHARACTERS:] if len(value) >= MIN_LENGTH_TO_SHOW else ""


class Credential(CatalogModel):
    """How the gateway authenticates at a provider: a secret stored encrypted, or where to find one."""

    class Source(models.TextChoices):
        STORED = "stored", "Stored here, encrypted"
        ENV = "env", "Environment variable"
        PATH = "path", "File"
        PATH_FROM_ENV = "path_from_env", "File named by an environment variable"
        DYNAMIC = "dynamic", "Brought by each request"
        NONE = "none", "None needed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
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

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Notes the last characters of a new secret, also of one that was assigned without `set_secret`."""
        if isinstance(self.secret, Secret):
            self.last_four = shown_characters(self.secret)
            if update_fields is not None and "secret" in update_fields:
                update_fields = {*update_fields, "last_four"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def check_rules(self) -> None:
        validation.clean_credential(source=self.source, location=self.location, has_secret=bool(self.secret))

    def set_secret(self, secret: Secret) -> None:
        """Makes this a stored credential with a new secret, to be encrypted when the row is saved."""
        self.source = self.Source.STORED
        self.location = ""
        self.secret = secret
        self.last_four = shown_characters(secret)


class Provider(CatalogModel):
    """An upstream account: its type, address, credential and what is added to every request."""

    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
    type = models.CharField(max_length=50, choices=validation.provider_type_choices)
    enabled = models.BooleanField(default=True)
    api_base = models.CharField(
        "API base", max_length=1000, blank=True, help_text="Overrides the type's own address, e.g. https://host/v1"
    )
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.PROTECT, related_name="providers")
    extra_headers = EncryptedHeadersField(default=dict, blank=True)
    extra_body = models.JSONField(default=dict, blank=True, help_text='Top-level fields for every request body: {"field": value}')
    options = models.JSONField(default=dict, blank=True, help_text="Settings of this provider type, e.g. Azure's api_version.")

    objects = CatalogManager["Provider"]()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @sensitive_variables("headers")
    def save(self, *args: Any, **kwargs: Any) -> None:
        """In two steps for a new row with headers: they are bound to its id, which the database chooses."""
        if not self._state.adding or not self.extra_headers:
            super().save(*args, **kwargs)
            return
        headers, self.extra_headers = self.extra_headers, {}
        with transaction.atomic():
            super().save(*args, **kwargs)
            self.extra_headers = headers
            super().save(update_fields=["extra_headers"])

    def headers(self) -> dict[str, Secret]:
        """What is in `extra_headers`. Raises `EncryptionError`."""
        return headers_of(self, "extra_headers")

    def check_rules(self) -> None:
        """Headers that are stored are looked at when they are decrypted."""
        headers = self.extra_headers
        validation.clean_provider(
            provider_type=self.type,
            api_base=self.api_base,
            extra_headers=plain_headers(headers) if isinstance(headers, dict) else {},
            extra_body=self.extra_body,
            options=self.options,
        )


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


class Route(CatalogModel):
    """One place where a model is served. Routes are tried in the order of `position`."""

    model = models.ForeignKey(ModelDefinition, on_delete=models.CASCADE, related_name="routes")
    name = models.CharField(
        max_length=200,
        blank=True,
        validators=[validation.check_name],
        help_text="Name within the model; empty: the provider's name.",
    )
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


class ClientKey(CatalogModel):
    """A key that lets a program call the gateway. Only its SHA-256 is stored; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, validators=[validation.check_name])
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
