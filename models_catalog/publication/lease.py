"""Which process reads the publication? The one that has the lease, of all workers and nodes of the deployment."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from models_catalog.models import Publication
from models_catalog.publication.names import ORIGIN

LEASE_S = 10.0
RENEWED_AFTER_S = 3.0


class LostLease(Exception):
    """Another process reads now."""


class Lease:
    """Held in the database by one `holder` at a time, for ten seconds after it was last renewed."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._renewed = timezone.now() - timedelta(days=1)

    def take(self) -> bool:
        """Takes or renews the lease; False if another holds it."""
        now = timezone.now()
        free = Q(holder=self._holder) | Q(held_until=None) | Q(held_until__lt=now)
        rows = Publication.objects.filter(free, name=ORIGIN)
        mine = {"holder": self._holder, "held_until": now + timedelta(seconds=LEASE_S)}
        taken = bool(rows.update(**mine))
        if not taken and not Publication.objects.filter(name=ORIGIN).exists():
            Publication.objects.bulk_create([Publication(name=ORIGIN)], ignore_conflicts=True)
            taken = bool(rows.update(**mine))
        if taken:
            self._renewed = now
        return taken

    def keep(self) -> None:
        """Renews it when it is time. Raises `LostLease`."""
        if (timezone.now() - self._renewed).total_seconds() > RENEWED_AFTER_S and not self.take():
            raise LostLease

    def locked(self) -> Publication:
        """The row, locked until the end of the running transaction: nobody else takes over in the middle of a write. Raises
        `LostLease`."""
        row = Publication.objects.select_for_update().filter(name=ORIGIN, holder=self._holder).first()
        if row is None:
            raise LostLease
        return row

    def give_back(self) -> None:
        """Lets another process read at once."""
        Publication.objects.filter(name=ORIGIN, holder=self._holder).update(holder="", held_until=None)
