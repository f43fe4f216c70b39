"""How is it kept who changed what? As a chain: each entry's hash covers its content and the hash of the entry before."""

from __future__ import annotations

import json
from typing import Any

from django.db import models


class AuditEntry(models.Model):
    """A change, or a sign-in. Never changed and never deleted by the gateway; `models_catalog.audit.chain` appends."""

    class Action(models.TextChoices):
        ADDED = "added", "Added"
        CHANGED = "changed", "Changed"
        DELETED = "deleted", "Deleted"
        BULK = "bulk", "Many at once"
        SIGNED_IN = "signed_in", "Signed in"
        SIGNED_OUT = "signed_out", "Signed out"
        FAILED = "failed", "Sign-in failed"
        LOCKED = "locked", "Locked out"

    class Source(models.TextChoices):
        ADMIN = "admin", "Admin"
        API = "api", "API"
        COMMAND = "command", "Command"
        SYSTEM = "system", "Gateway"

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField("time", db_index=True)
    actor = models.CharField("who", max_length=200)
    user_id = models.CharField(max_length=64, blank=True, default="")
    source = models.CharField("by", max_length=10, choices=Source.choices)
    address = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField("did", max_length=12, choices=Action.choices)
    kind = models.CharField("kind of row", max_length=100, blank=True, default="", help_text="Like models_catalog.route.")
    object_id = models.CharField("id", max_length=64, blank=True, default="")
    name = models.CharField("row", max_length=300, blank=True, default="")
    parent_kind = models.CharField(max_length=100, blank=True, default="")
    parent_id = models.CharField(max_length=64, blank=True, default="")
    changes = models.TextField(
        default="{}", help_text="JSON: the columns that changed, each with what it was and what it is; of secrets only that."
    )
    revision = models.BigIntegerField(default=0, help_text="The version of the catalog with the change.")
    digest = models.CharField("hash", max_length=64)

    objects = models.Manager["AuditEntry"]()

    class Meta:
        ordering = ["-number"]
        default_permissions = ("view",)
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["kind", "object_id"], name="audit_by_row"),
            models.Index(fields=["parent_kind", "parent_id"], name="audit_by_parent"),
            models.Index(fields=["actor"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.actor} {self.get_action_display().lower()} {self.name}".rstrip()

    @property
    def changed(self) -> dict[str, Any]:
        """The changes as values: `{column: [before, after]}`."""
        found: dict[str, Any] = json.loads(self.changes)
        return found


class AuditHead(models.Model):
    """One row: the number and the hash of the last entry. Who appends holds it."""

    number = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="")

    objects = models.Manager["AuditHead"]()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"
