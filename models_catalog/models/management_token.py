"""Which programs may manage the gateway? Those that have a token of the management API."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from models_catalog import validation
from models_catalog.models.tenancy import Tenant


class ManagementToken(models.Model):
    """A token of the management API. Only its SHA-256 is stored; the token itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, validators=[validation.check_name])
    public_id = models.CharField(max_length=32, editable=False, db_index=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    scopes = models.JSONField(default=list, help_text="What it may do, like models:read, keys:write, *:read or *.")
    tenant = models.ForeignKey(
        Tenant,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="management_tokens",
        help_text="It sees and changes what belongs to this tenant only; empty: everything.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager["ManagementToken"]()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "management token"

    def __str__(self) -> str:
        return self.name
