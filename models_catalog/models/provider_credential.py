"""Which further credentials does a provider have? Each takes its part of the requests, by weight, beside the provider's own."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.credential import Credential
from models_catalog.models.provider import Provider
from models_catalog.models.querysets import CatalogManager


class ProviderCredential(CatalogModel):
    """One more credential of a provider: another account or key, which serves the same routes."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="more_credentials")
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="shares")
    weight = models.FloatField(
        default=1.0,
        db_default=1.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1e6), validation.check_finite],
        help_text="Its part of the requests, beside those of the provider's other credentials; 0: none while another can.",
    )
    enabled = models.BooleanField(default=True, db_default=True)

    objects = CatalogManager["ProviderCredential"]()

    class Meta:
        ordering = ["provider", "pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["provider", "credential"], name="credential_unique_in_provider")]

    def __str__(self) -> str:
        return str(self.credential)

    def check_rules(self) -> None:
        own = self.provider.credential_id
        if own is not None and self.credential_id == own:
            raise ValidationError({"credential": "It is the provider's own already."})
