"""Which upstream accounts are there?"""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.views.decorators.debug import sensitive_variables

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.columns import column
from models_catalog.models.credential import Credential
from models_catalog.models.querysets import CatalogManager
from models_catalog.secrets.fields import EncryptedHeadersField, headers_of, plain_headers
from providers.types import Secret


class Provider(CatalogModel):
    """An upstream account: its type, address, credential and what is added to every request."""

    name = models.CharField(max_length=200, unique=True, validators=[validation.check_name])
    type = column(models.CharField(max_length=50, choices=validation.provider_type_choices), special=True)
    enabled = column(models.BooleanField(default=True), special=True)
    api_base = column(
        models.CharField(
            "API base",
            max_length=1000,
            blank=True,
            help_text="Overrides the type's own address, e.g. https://host/v1 of a proxy, a region or your own server.",
        ),
        special=True,
    )
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.PROTECT, related_name="providers")
    credential_weight = column(
        models.FloatField(
            "weight",
            default=1.0,
            db_default=1.0,
            validators=[MinValueValidator(0.0), MaxValueValidator(1e6), validation.check_finite],
            help_text="The part of this credential, beside the further ones below; 0: none while another can.",
        )
    )
    extra_headers = column(EncryptedHeadersField(default=dict, blank=True), special=True)
    extra_body = column(
        models.JSONField(default=dict, blank=True, help_text='Top-level fields for every request body: {"field": value}'),
        special=True,
    )
    options = column(
        models.JSONField(default=dict, blank=True, help_text="Settings of this provider type, e.g. Azure's api_version."),
        special=True,
    )

    origin = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="Where it is published, if it is."
    )

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
