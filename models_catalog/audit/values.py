"""What of a row may stand in the audit log, and how? Its columns as JSON; of secrets and hashes only that they changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models import Model

from models_catalog.secrets.fields import EncryptedText, EncryptedTextField

HIDDEN = re.compile(r"password|secret|hash|digest|token$", re.IGNORECASE)
"""Names of columns whose values never stand there. Encrypted ones do not, whatever they are called."""
UNTOLD = frozenset({"revision", "last_used_at", "last_login"})
"""Columns that change by use, not by somebody."""
CHANGED = "(changed)"
SET = "(set)"
PARENTS = ("model", "client_key", "person", "project", "tenant", "provider")
"""What a row belongs to, on whose page it is edited: the first of these that it has."""
CHILDREN = frozenset({"route", "fallback", "price", "limit", "budget", "providercredential"})


def told_fields(model: type[Model]) -> list[models.Field[Any, Any]]:
    """The columns that entries tell of."""
    return [
        field
        for field in model._meta.concrete_fields
        if field.name not in UNTOLD
        and not field.primary_key
        and not getattr(field, "auto_now", False)
        and not getattr(field, "auto_now_add", False)
    ]


def is_hidden(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, EncryptedTextField) or bool(HIDDEN.search(field.name))


def values_of(row: Model) -> dict[str, object]:
    """The columns of a row to be compared, by name."""
    return {field.name: _value(field, row) for field in told_fields(type(row)) if field.attname in vars(row)}


def _value(field: models.Field[Any, Any], row: Model) -> object:
    value = getattr(row, field.attname)
    if isinstance(value, EncryptedText) or is_hidden(field):
        return value.stored if isinstance(value, EncryptedText) else str(value)
    try:
        return plain(field.to_python(value))
    except (ValidationError, TypeError, ValueError):  # an expression, computed by the database
        return str(value)


def plain(value: object) -> object:
    """A value as JSON has it, always the same for the same value."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str):
        return re.sub(r"//[^/@\s]*@", "//***@", value)
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value


def differences(model: type[Model], before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, list[object]]:
    """`{column: [before, after]}` of the columns that differ. Rows that are named by others stand with their names."""
    fields = {field.name: field for field in told_fields(model)}
    names = [name for name in fields if before.get(name) != after.get(name)]
    told = {name: [_told(fields[name], before.get(name)), _told(fields[name], after.get(name))] for name in names}
    return {name: [SET, CHANGED] if pair == [SET, SET] else pair for name, pair in told.items()}


def _told(field: models.Field[Any, Any], value: object) -> object:
    if value is None:
        return None
    if is_hidden(field):
        return SET if value else ""
    if field.is_relation:
        return {"id": value, "name": _name_of(field, value)}
    return value


def _name_of(field: Any, value: object) -> str:
    try:
        return str(field.related_model._default_manager.get(**{field.target_field.name: value}))
    except (ObjectDoesNotExist, ValidationError, ValueError):
        return str(value)


def parent_of(row: Model) -> tuple[str, str]:
    """The kind and the id of what a row belongs to."""
    if row._meta.model_name not in CHILDREN:
        return "", ""
    for name in PARENTS:
        if (found := getattr(row, f"{name}_id", None)) is not None:
            related: Any = row._meta.get_field(name).related_model
            return related._meta.label_lower, str(found)
    return "", ""


def named(rows: Iterable[Model], most: int) -> list[str]:
    """The names of some of the rows."""
    return sorted(str(row) for _, row in zip(range(most), rows, strict=False))
