"""Which client keys were deleted a short while ago? So that a refresh need not compare all of them to find out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db import models
from django.utils import timezone

from models_catalog.publish import current_version

MOST_TOLD = 1000
"""Keys of one deletion; after one of more, all are compared."""
KEPT = timedelta(hours=1)
"""How far back it reaches. Whoever was away for longer compares all."""


class DeletedKey(models.Model):
    """Written in the transaction of the deletion, with the version of the catalog that it has raised."""

    key_hash = models.CharField(max_length=64)
    revision = models.BigIntegerField(db_index=True)
    at = models.DateTimeField(default=timezone.now)

    objects = models.Manager["DeletedKey"]()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.key_hash[:12]


def tell_deleted(using: str, hashes: Collection[str]) -> None:
    """Inside the transaction that has deleted the keys."""
    if not hashes or len(hashes) > MOST_TOLD:
        return
    rows, revision = DeletedKey._default_manager.using(using), current_version(using)
    rows.filter(at__lt=timezone.now() - KEPT).delete()
    rows.bulk_create([DeletedKey(key_hash=key_hash, revision=revision) for key_hash in hashes])


def deleted_since(using: str, version: int) -> list[str]:
    """The hashes of keys that were deleted after that version, as far as they are told."""
    return list(DeletedKey._default_manager.using(using).filter(revision__gt=version).values_list("key_hash", flat=True))
