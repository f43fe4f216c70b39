"""Which rows cannot be compiled, and why? A bad row is left out and reported; no row may cost more than itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import NoReverseMatch, reverse

from models_catalog import validation
from models_catalog.models import Hook, ModelDefinition, Provider
from models_catalog.snapshot import Problem
from providers.capabilities import Capability

Built = TypeVar("Built")


class Unusable(Exception):
    """A row cannot be compiled; the text says why and holds no secret."""


class Problems:
    """Collects what is wrong with the rows of one compilation."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def attempt(self, where: str, row: models.Model, build: Callable[[], Built]) -> Built | None:
        """What `build` makes; None and a problem when it cannot."""
        try:
            return build()
        except Unusable as err:
            self.report(where, str(err), row)
        except Exception as err:  # noqa: BLE001  whatever a row or an adapter makes go wrong, the other rows are served
            self.report(where, f"Skipped: unexpected {type(err).__name__}.", row)
        return None

    def report(
        self, where: str, message: str, row: models.Model, lost: Capability | None = None, *, harmless: bool = False
    ) -> None:
        self.found.append(Problem(where, message, admin_path(row), lost, harmless))


def check(row: Hook | ModelDefinition | Provider) -> None:
    """The rules of `validation`: rows may have been written past the forms. Raises `Unusable`."""
    try:
        validation.check_name(row.name)
        row.check_rules()
    except ValidationError as err:
        errors = err.message_dict if hasattr(err, "error_dict") else {"name": err.messages}
        texts = (f"{field}: {message}" for field, messages in errors.items() for message in messages)
        raise Unusable(f"Skipped: {' '.join(texts)}") from err


def admin_path(row: models.Model) -> str:
    """The page where the row can be repaired, "" without an admin."""
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""
