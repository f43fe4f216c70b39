"""Which programs may call the gateway?"""

from __future__ import annotations

import uuid

from django.db import models

from models_catalog import validation
from models_catalog.models.base import CatalogModel
from models_catalog.models.model import ModelDefinition
from models_catalog.models.querysets import CatalogManager
from models_catalog.publish import Part


class ClientKey(CatalogModel):
    """A key that lets a program call the gateway. Only its SHA-256 is stored; the key itself is shown once."""

    part = Part.CLIENT_KEYS

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, validators=[validation.check_name])
    public_id = models.CharField(max_length=32, blank=True, default="", editable=False, db_index=True)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    last_four = models.CharField(max_length=4, blank=True, default="", editable=False)
    enabled = models.BooleanField(default=True)
    all_models = models.BooleanField(default=True, help_text="Off: only the models chosen below.")
    allowed_models = models.ManyToManyField(ModelDefinition, blank=True, related_name="client_keys")
    record_bodies = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether what is said in its requests and answers may be recorded, for session pages. Off: only numbers are.",
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CatalogManager["ClientKey"]()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "client key"

    def __str__(self) -> str:
        return self.name
