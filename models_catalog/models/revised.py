"""Which rows were written since a version of the catalog? Those whose `revision` is higher.

There may be very many client keys, people and rules, so that a refresh reads no more of them than were written. Every write
through the ORM stamps the version that it has raised: `save`, `bulk_create`, `bulk_update`, `update` of a queryset, and changes
of many-to-many fields. Deleted rows leave no stamp: they are found by counting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.base import ModelBase
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

from models_catalog.models.base import CatalogModel
from models_catalog.models.querysets import CatalogManager, CatalogQuerySet
from models_catalog.models.version import CatalogVersion
from models_catalog.publish import VERSION_ROW, Part, current_version, mark_changed

REVISION = "revision"


class StoredVersion(Expression):
    """The version of the catalog in the running transaction, which must have raised it."""

    output_field = models.BigIntegerField()

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[int, ...]]:
        table = connection.ops.quote_name(CatalogVersion._meta.db_table)
        return f"(SELECT version FROM {table} WHERE id = %s)", (VERSION_ROW,)  # noqa: S608 - a name of ours


class RevisionField(models.BigIntegerField):  # type: ignore[type-arg]
    """Is written with every row; what the row itself holds is not looked at."""

    def pre_save(self, model_instance: models.Model, add: bool) -> StoredVersion:
        return StoredVersion()


def stamp(model: type[models.Model], using: str, **chosen: object) -> None:
    """Marks rows as written in the running transaction, which must have raised the version."""
    models.QuerySet(model, using=using).filter(**chosen).update(**{REVISION: StoredVersion()})


Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class RevisedQuerySet(CatalogQuerySet[Row_co]):
    """A queryset whose writes stamp the rows."""

    def update(self, **kwargs: Any) -> int:
        return super().update(**{**kwargs, REVISION: StoredVersion()})

    def bulk_create(self, objs: Iterable[Row_co], *args: Any, **kwargs: Any) -> list[Row_co]:
        if kwargs.get("update_fields"):
            kwargs["update_fields"] = {*kwargs["update_fields"], REVISION}
        return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs: Iterable[Row_co], fields: Iterable[str], batch_size: int | None = None) -> int:
        rows = tuple(objs)
        self._for_write = True
        with transaction.atomic(using=self.db):
            changed = super().bulk_update(rows, fields, batch_size)
            for number in range(0, len(rows), STAMPED_AT_ONCE):
                stamp(self.model, self.db, pk__in=[row.pk for row in rows[number : number + STAMPED_AT_ONCE]])
        return changed

    update.alters_data = True  # type: ignore[attr-defined]
    bulk_create.alters_data = True  # type: ignore[attr-defined]
    bulk_update.alters_data = True  # type: ignore[attr-defined]


STAMPED_AT_ONCE = 500


class RevisedManager(CatalogManager[Row_co]):
    """The manager of models whose rows are stamped."""

    _queryset_class = RevisedQuerySet


class RevisedModel(CatalogModel):
    """A row of which there may be very many."""

    part = Part.CLIENT_KEYS

    revision = RevisionField(default=0, db_default=0, editable=False, db_index=True)

    class Meta:
        abstract = True

    def save_base(
        self,
        raw: bool = False,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        if update_fields is not None:
            update_fields = frozenset(update_fields) | {REVISION}
        super().save_base(raw, force_insert, force_update, using, update_fields)


def raw_row_written(using: str, instance: RevisedModel, raw: bool, **kwargs: object) -> None:
    """Receives `pre_save`: a row of a fixture is written as it is, without asking its fields."""
    if raw:
        mark_changed(using, instance.part)
        instance.revision = current_version(using)


def link_written(using: str, instance: models.Model, action: str, **kwargs: Any) -> None:
    """Receives `m2m_changed` of the fields of such models: the row that has the field counts as written."""
    model, pks, reverse, sender = kwargs["model"], kwargs["pk_set"], kwargs["reverse"], kwargs["sender"]
    mark_changed(using, Part.CLIENT_KEYS)
    if not action.startswith("pre_"):
        return
    if not reverse:
        stamp(type(instance), using, pk=instance.pk)
    elif pks is not None:
        stamp(model, using, pk__in=pks)
    else:
        name = next(field.name for field in model._meta.many_to_many if field.remote_field.through is sender)
        stamp(model, using, **{name: instance.pk})
