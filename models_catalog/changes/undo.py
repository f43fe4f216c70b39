"""How does a row become what it was? What the audit log tells of it and of what belongs to it is undone, the latest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model, ProtectedError, Q, QuerySet

from models_catalog.audit.chain import collected
from models_catalog.audit.values import CHANGED, SET, is_hidden, told_fields
from models_catalog.models import AuditEntry, CatalogVersion

MASKED = "//***@"
"""Stands for a password in an address."""
Action = AuditEntry.Action


class CannotUndo(Exception):
    """The row cannot be made what it was; the text says why. Nothing has changed."""


def entries_of(row: Model) -> QuerySet[AuditEntry]:
    """What the audit log tells of a row and of what belongs to it, the latest first."""
    kind, pk = row._meta.label_lower, str(row.pk)
    return AuditEntry.objects.filter(Q(kind=kind, object_id=pk) | Q(parent_kind=kind, parent_id=pk)).order_by("-number")


def undo_since(row: Model, number: int) -> list[str]:
    """Makes the row what it was after the entry of that number; what cannot be put back (secrets) is returned as lines. Raises
    `CannotUndo`."""
    try:
        with transaction.atomic(), collected():
            CatalogVersion.objects.select_for_update().first()
            if not entries_of(row).filter(number=number).exists():
                raise CannotUndo("There is no such version of it.")
            kept = _undone(entries_of(row).filter(number__gt=number))
            _check(type(row)._default_manager.get(pk=row.pk))
    except (IntegrityError, ProtectedError):
        raise CannotUndo("Other rows stand against it: a name that is taken by now, or a row that is in use.") from None
    except ValidationError as error:
        raise CannotUndo(" ".join(error.messages)) from None
    return kept


def _undone(entries: Iterable[AuditEntry]) -> list[str]:
    kept: list[str] = []
    for entry in list(entries):
        model = apps.get_model(entry.kind)
        stored = model._default_manager.filter(pk=entry.object_id).first()
        if entry.action == Action.ADDED:
            if stored is not None:
                stored.delete()
        elif entry.action == Action.DELETED:
            _put(model(pk=model._meta.pk.to_python(entry.object_id)), entry, kept)
        elif entry.action == Action.CHANGED and stored is not None:
            _put(stored, entry, kept)
        else:
            raise CannotUndo(f"Entry {entry.number} of the audit log cannot be undone: {entry.get_action_display()}.")
    return kept


def _put(row: Model, entry: AuditEntry, kept: list[str]) -> None:
    """Saves the row with the values that it had before the entry."""
    fields: Mapping[str, Any] = {field.name: field for field in told_fields(type(row))}
    for name, (before, after) in entry.changed.items():
        field = fields.get(name)
        if field is None or is_hidden(field) or MASKED in str(before):
            if before != after and (before or after in (SET, CHANGED)):
                kept.append(f"{entry.name}: {name} stays as it is")
        elif field.is_relation:
            setattr(row, field.attname, _related(field, before, entry))
        else:
            setattr(row, name, before if isinstance(before, dict | list) else field.to_python(before))
    row.save()


def _related(field: Any, before: Any, entry: AuditEntry) -> Any:
    if before is None:
        return None
    found = field.related_model._default_manager.filter(pk=before["id"]).first()
    if found is None:
        raise CannotUndo(f"{entry.name} needs the {field.related_model._meta.verbose_name} {before['name']}, which is gone.")
    return found.pk


def _check(row: Model) -> None:
    """Raises `ValidationError`."""
    row.full_clean(exclude=["secret", "extra_headers", "secrets"])
