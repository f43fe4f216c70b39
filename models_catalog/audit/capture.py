"""How does a change become an entry? By the signals of rows, and by the querysets that write many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet, signals

from models_catalog.audit.chain import NAMED, Told, collected, many, tell
from models_catalog.audit.values import differences, named, parent_of, told_fields, values_of

BEFORE = "_audit_before"
FEW = 100
"""Rows that one query writes get an entry each up to this number."""
_watched: set[type[Model]] = set()


def watch(*models: type[Model]) -> None:
    """From now on every change of these rows is an entry."""
    for model in models:
        _watched.add(model)
        name = f"audit-{model._meta.label}"
        signals.pre_save.connect(_saving, sender=model, dispatch_uid=name)
        signals.post_save.connect(_saved, sender=model, dispatch_uid=name)
        signals.post_delete.connect(_deleted, sender=model, dispatch_uid=name)
        for field in model._meta.many_to_many:
            through: Any = field.remote_field.through
            if through._meta.auto_created:
                signals.m2m_changed.connect(_linked, sender=through, dispatch_uid=f"audit-{field}")


def is_watched(model: type[Model]) -> bool:
    return model in _watched


def _saving(sender: type[Model], instance: Model, using: str, update_fields: Collection[str] | None, **kwargs: Any) -> None:
    """Remembers what the database has."""
    told = update_fields is None or bool(set(update_fields) & {field.name for field in told_fields(sender)})
    old = None
    if told and not vars(instance)["_state"].adding:
        old = sender._default_manager.using(using).filter(pk=instance.pk).first()
    vars(instance)[BEFORE] = (told, values_of(old) if old else {})


def _saved(
    sender: type[Model], instance: Model, using: str, created: bool, update_fields: Collection[str] | None, **kwargs: Any
) -> None:
    told, before = vars(instance).pop(BEFORE, (True, {}))
    if not told:
        return
    after = values_of(instance)
    if update_fields is not None:
        after = {**before, **{name: value for name, value in after.items() if name in update_fields}}
    changes = differences(sender, before, after)
    if created or changes:
        _tell("added" if created else "changed", instance, changes, using)


def _deleted(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    _tell("deleted", instance, differences(sender, values_of(instance), {}), using)


def _tell(action: str, row: Model, changes: dict[str, list[object]], using: str) -> None:
    kind, parent = parent_of(row)
    tell(Told(action, row._meta.label_lower, str(row.pk), _name(row), kind, parent, changes), using)


def _name(row: Model) -> str:
    """What the row calls itself; a row whose values nobody has cleaned may not know."""
    try:
        return str(row)
    except (AttributeError, TypeError, ValueError, ObjectDoesNotExist):
        return f"{row._meta.verbose_name} {row.pk}"


def _linked(sender: type[Model], instance: Model, action: str, **kwargs: Any) -> None:
    """Receives `m2m_changed`: names of what is added to the field or removed from it."""
    model, pks, using = kwargs["model"], kwargs["pk_set"], kwargs["using"]
    name = _accessor(instance, sender, reverse=kwargs["reverse"])
    if action == "pre_clear":
        gone = getattr(instance, name).using(using)
        changes: dict[str, list[object]] = {name: [named(gone[:NAMED], NAMED), []]} if gone.exists() else {}
    elif action in ("post_add", "post_remove") and pks:
        names = named(model._default_manager.using(using).filter(pk__in=list(pks)[:FEW])[:NAMED], NAMED)
        names += [f"… and {len(pks) - NAMED} more"] if len(pks) > NAMED else []
        changes = {name: [[], names] if action == "post_add" else [names, []]}
    else:
        return
    if changes:
        _tell("changed", instance, changes, using)


def _accessor(instance: Model, through: type[Model], *, reverse: bool) -> str:
    """The attribute of `instance` that holds the links."""
    if not reverse:
        return next(field.name for field in type(instance)._meta.many_to_many if field.remote_field.through is through)
    found = (one for one in type(instance)._meta.related_objects if getattr(one, "through", None) is through)
    return str(next(found).get_accessor_name())


# Queries that write many rows


def updated(rows: QuerySet[Any, Any], columns: Iterable[str], write: Callable[[], int]) -> int:
    """Runs an update of these rows, inside the caller's transaction, and tells of it."""
    told = {field.name for field in told_fields(rows.model)} & set(columns)
    if not told or not is_watched(rows.model):
        return write()
    stored = rows.model._default_manager.using(rows.db)
    pks = list(rows.order_by().values_list("pk", flat=True)[: FEW + 1])
    if len(pks) > FEW:
        count = write()
        tell(many("changed", rows.model._meta.label_lower, count, columns=told), rows.db)
        return count
    before = {row.pk: values_of(row) for row in stored.filter(pk__in=pks)}
    count = write()
    with collected(rows.db):
        for row in stored.filter(pk__in=pks):
            if changes := differences(rows.model, before[row.pk], values_of(row)):
                _tell("changed", row, changes, rows.db)
    return count


def created(model: type[Model], rows: Collection[Any], using: str, *, replacing: bool = False) -> None:
    """Tells of rows that were written by one query; with `replacing` some of them may have been there before."""
    if not rows or not is_watched(model):
        return
    if replacing or len(rows) > FEW:
        names = [_name(row) for _, row in zip(range(NAMED), rows, strict=False)]
        tell(many("written" if replacing else "added", model._meta.label_lower, len(rows), names), using)
        return
    with collected(using):
        for row in rows:
            _tell("added", row, differences(model, {}, values_of(row)), using)
