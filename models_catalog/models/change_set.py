"""What does somebody want to change of the catalog, and what has become of it?"""

from __future__ import annotations

import uuid

from django.db import models


class ChangeSet(models.Model):
    """Edits that are drafted together, and applied together or not at all. `models_catalog.change_sets` does all of that."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        APPROVED = "approved", "Approved"
        SCHEDULED = "scheduled", "Scheduled"
        APPLIED = "applied", "Applied"
        ROLLED_BACK = "rolled_back", "Rolled back"
        DISCARDED = "discarded", "Discarded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200)
    note = models.TextField(blank=True, default="", max_length=4000, help_text="Why; for whoever approves it.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, editable=False)
    author = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_by = models.JSONField(default=list, editable=False, help_text="JSON: who has edited it; none of them can approve it.")
    approved_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    apply_at = models.DateTimeField("applied at", null=True, blank=True, editable=False)
    applied_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    revision = models.BigIntegerField(default=0, editable=False, help_text="The version of the catalog with it.")
    fault = models.TextField(blank=True, default="", editable=False, help_text="Why it could not be applied at its time.")

    objects = models.Manager["ChangeSet"]()

    class Meta:
        ordering = ["-created_at"]
        default_permissions = ("view", "add", "change")
        permissions = [
            ("approve_changeset", "Can approve change set"),
            ("change_directly", "Can change the catalog without a change set where they need approval"),
        ]
        verbose_name = "change set"
        indexes = [models.Index(fields=["state", "apply_at"], name="change_set_due")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.DRAFT, self.State.APPROVED, self.State.SCHEDULED)


class ChangeItem(models.Model):
    """One object of a change set, as tables of the gateway's own file format, without secrets; "" where there is none."""

    class Kind(models.TextChoices):
        PROVIDER = "provider", "Provider"
        MODEL = "model", "Model"
        HOOK = "hook", "Hook"

    change_set = models.ForeignKey(ChangeSet, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=200)
    before = models.TextField(blank=True, default="", help_text="What the catalog had when it was drafted.")
    after = models.TextField(blank=True, default="", help_text="What it shall have.")
    applied = models.TextField(blank=True, default="", help_text="What the catalog had once it was applied.")

    objects = models.Manager["ChangeItem"]()

    class Meta:
        ordering = ["kind", "name"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["change_set", "kind", "name"], name="change_item_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
