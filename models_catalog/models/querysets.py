"""How do writes of many rows at once raise the catalog's version? In their own transaction, before the first row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models, transaction

from models_catalog.audit import capture
from models_catalog.audit.chain import collected
from models_catalog.publish import Part, mark_changed
from models_catalog.secrets.fields import encrypted_fields

Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class CatalogQuerySet(models.QuerySet[Row_co, Row_co]):
    """A queryset whose writes raise the version of the catalog."""

    def _mark_changed(self) -> None:
        mark_changed(self.db, getattr(self.model, "part", Part.ROUTING))

    def update(self, **kwargs: Any) -> int:
        with transaction.atomic(using=self.db):
            self._mark_changed()
            return capture.updated(self, kwargs, lambda: super(CatalogQuerySet, self).update(**kwargs))

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=self.db), collected(self.db):
            self._mark_changed()
            return super().delete()

    def bulk_create(self, objs: Iterable[Row_co], *args: Any, **kwargs: Any) -> list[Row_co]:
        self._for_write = True
        with transaction.atomic(using=self.db):
            self._mark_changed()
            rows = super().bulk_create(objs, *args, **kwargs)
            capture.created(self.model, rows, self.db, replacing=bool(kwargs.get("update_conflicts")))
            return rows

    def bulk_update(self, objs: Iterable[Row_co], fields: Iterable[str], batch_size: int | None = None) -> int:
        self._for_write = True
        rows = tuple(objs)
        names = tuple(fields)
        with transaction.atomic(using=self.db):
            self._mark_changed()
            for field in encrypted_fields(self.model):
                if field.name in names:
                    for row in rows:
                        field.pre_save(row, add=False)
            chosen = self.model._default_manager.using(self.db).filter(pk__in=[row.pk for row in rows[: capture.FEW + 1]])
            return capture.updated(
                chosen, names, lambda: super(CatalogQuerySet, self).bulk_update(rows, names, batch_size=batch_size)
            )

    update.alters_data = True  # type: ignore[attr-defined]
    delete.alters_data = True  # type: ignore[attr-defined]
    bulk_create.alters_data = True  # type: ignore[attr-defined]
    bulk_update.alters_data = True  # type: ignore[attr-defined]


class CatalogManager(models.Manager[Row_co]):
    """The manager of every catalog model."""

    _queryset_class = CatalogQuerySet
