"""How do objects refer to others? By names, and where those are not unique, by ids; both are taken."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Model

from models_catalog.config.table import nearest
from models_catalog.models import ModelDefinition, Person, Project
from openai_api.manage.access import Caller
from openai_api.manage.problems import invalid

KNOWN = 1000
"""How many names a hint is chosen from."""


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def owned_name(row: Project | Person | None) -> str | None:
    """`TENANT/NAME`, or the id where that could mean another."""
    if row is None:
        return None
    text = f"{row.tenant.name}/{row.name}"
    return text if text.count("/") == 1 else str(row.pk)


def find_owned(caller: Caller, model: Any, field: str, text: str | None) -> Any:
    """The project or person that a text means. Raises `Problem`."""
    if text is None:
        return None
    rows = caller.visible(model.objects.select_related("tenant"))
    if (pk := as_uuid(text)) is not None:
        found = rows.filter(pk=pk).first()
    else:
        tenant, _, name = text.partition("/")
        found = rows.filter(tenant__name=tenant, name=name).first()
    if found is None:
        known = [f"{row.tenant.name}/{row.name}" for row in rows[:KNOWN]]
        raise invalid({field: [f"Unknown {field} {text[:200]!r}{nearest(text, known)}: write TENANT/NAME, or an id."]})
    return found


def find_named(rows: Any, kind: str, field: str, names: Iterable[str]) -> list[Any]:
    """The rows of these names. Raises `Problem`."""
    wanted = list(dict.fromkeys(names))
    found = {row.name: row for row in rows.filter(name__in=wanted)}
    if missing := [name for name in wanted if name not in found]:
        known = list(rows.values_list("name", flat=True)[:KNOWN])
        raise invalid({field: [f"Unknown {kind} {name[:200]!r}{nearest(name, known)}." for name in missing[:20]]})
    return [found[name] for name in wanted]


def find_one(rows: Any, kind: str, field: str, name: str | None) -> Any:
    return None if name is None else find_named(rows, kind, field, [name])[0]


def allowed(row: Any) -> list[str] | None:
    """The models that a key or a project may use, None for all."""
    return None if row.all_models else sorted(model.name for model in row.allowed_models.all())


def set_models(row: Any, names: list[str] | None) -> list[Any]:
    """Notes in the row whether all are allowed; the rows of those that are."""
    row.all_models = names is None
    return find_named(ModelDefinition.objects.all(), "model", "models", names or ())


def names(rows: Iterable[Any]) -> list[str]:
    return sorted(row.name for row in rows)


def id_of(row: Model) -> str:
    return str(row.pk)
