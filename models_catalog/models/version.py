"""Which version of the catalog does the database hold?"""

from __future__ import annotations

from django.db import models


class CatalogVersion(models.Model):
    """One row: the version of the catalog, raised in the transaction of every write. `client_keys` counts the writes of client
    keys among them, `purges` how often what is cached under a name has been purged."""

    version = models.BigIntegerField(default=0)
    client_keys = models.BigIntegerField(default=0)
    purges = models.JSONField(default=dict, db_default={})

    objects = models.Manager["CatalogVersion"]()

    def __str__(self) -> str:
        return str(self.version)
