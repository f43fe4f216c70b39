"""Which programs may call the gateway?"""

from __future__ import annotations

import uuid
from typing import Any

from django.apps import apps
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, router, transaction

from models_catalog import rule_validation, validation
from models_catalog.models.deleted_key import MOST_TOLD, tell_deleted
from models_catalog.models.model import ModelDefinition
from models_catalog.models.revised import RevisedManager, RevisedModel, RevisedQuerySet
from models_catalog.models.tenancy import AccessGroup, Person, Project

MOST_WAIT_S = 600.0


class ClientKeyQuerySet(RevisedQuerySet["ClientKey"]):
    """A queryset whose deletions leave the rules of a key to those that have replaced it."""

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=self.db):
            _pass_on(self.db, self.order_by().values("pk"))
            hashes = list(self.order_by().values_list("key_hash", flat=True)[: MOST_TOLD + 1])
            done = super().delete()
            tell_deleted(self.db, hashes)
            return done

    delete.alters_data = True  # type: ignore[attr-defined]


def _pass_on(using: str, going: Any) -> None:
    """Makes the oldest of the keys that have replaced one of these the first of them: its row has the rules of all."""
    keys = ClientKey.objects.using(using)
    heirs: dict[uuid.UUID | None, ClientKey] = {}
    for heir in keys.filter(lineage__in=going).exclude(pk__in=going).order_by("created_at"):
        heirs.setdefault(heir.lineage, heir)
    for first, heir in heirs.items():
        for rule in ("Limit", "Budget"):
            rules = apps.get_model("models_catalog", rule)._default_manager.using(using)
            rules.filter(client_key_id=first).update(client_key_id=heir.pk)
        keys.filter(lineage=first).exclude(pk=heir.pk).update(lineage=heir.pk)
        keys.filter(pk=heir.pk).update(lineage=None)


class ClientKeyManager(RevisedManager["ClientKey"]):
    """The manager of client keys."""

    _queryset_class = ClientKeyQuerySet  # type: ignore[assignment]


class ClientKey(RevisedModel):
    """A key that lets a program call the gateway. Only its SHA-256 is stored; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, validators=[validation.check_name])
    public_id = models.CharField(max_length=32, blank=True, default="", editable=False, db_index=True)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    hash_prefix = models.CharField(
        max_length=8,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What stands before the key where its hash is taken; keys that are published as hashes have one.",
    )
    last_four = models.CharField(max_length=4, blank=True, default="", editable=False)
    enabled = models.BooleanField(default=True)
    all_models = models.BooleanField(default=True, help_text="Off: only the models chosen below.")
    allowed_models = models.ManyToManyField(ModelDefinition, blank=True, related_name="client_keys")
    record_bodies = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether what is said in its requests and answers may be recorded, for session pages. Off: only numbers are.",
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True, related_name="client_keys")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="client_keys")
    access_groups = models.ManyToManyField(
        AccessGroup, blank=True, related_name="client_keys", help_text="Models that it may use beside those chosen one by one."
    )
    aliases = models.JSONField(
        default=dict, blank=True, help_text="JSON: names that are sent as `model`, and the models that they mean for this key."
    )
    allowed_networks = models.JSONField(
        "allowed addresses",
        default=list,
        blank=True,
        help_text='JSON: a list of addresses and ranges from which it may be used, like ["10.0.0.0/8"]; empty: from everywhere.',
    )
    max_wait_s = models.FloatField(
        "longest wait",
        default=0.0,
        db_default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(MOST_WAIT_S), validation.check_finite],
        help_text="Seconds that a request may wait for its limits instead of being refused.",
    )
    ends_streams = models.BooleanField(
        default=False, db_default=False, help_text="Whether running answers are broken off when the key is revoked."
    )
    lineage = models.UUIDField(
        null=True,
        blank=True,
        editable=False,
        help_text="The id of the first of the keys that have replaced each other: they are counted together. Empty: its own.",
    )
    origin = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, help_text="Where it is published, if it is."
    )
    labels = models.JSONField(
        default=dict, blank=True, editable=False, help_text="JSON: what its origin says of it, recorded with its requests."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClientKeyManager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "client key"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="client_key_by_age"),
            models.Index(fields=["origin"], condition=~models.Q(origin=""), name="client_key_by_origin"),
        ]

    def __str__(self) -> str:
        return self.name

    def delete(self, using: Any = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=using):
            _pass_on(using or router.db_for_write(ClientKey, instance=self), [self.pk])
            done = super().delete(using=using, keep_parents=keep_parents)
            tell_deleted(using or router.db_for_write(ClientKey, instance=self), [self.key_hash])
            return done

    def check_rules(self) -> None:
        rule_validation.clean_aliases(self.aliases)
        rule_validation.clean_networks(self.allowed_networks)
