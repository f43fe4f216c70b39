"""What do all rows that people edit have in common?"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.base import ModelBase

from models_catalog.publish import Part


class CatalogModel(models.Model):
    """A row that people edit. It is saved in one transaction with the version; its rules are checked by `full_clean`."""

    part: ClassVar[Part] = Part.ROUTING
    """Which version a write of the row raises."""

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
        with transaction.atomic(using=using, savepoint=False):
            super().save_base(raw, force_insert, force_update, using, update_fields)

    def check_rules(self) -> None:
        """The rules of the row in `validation`, with errors by field."""

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, and the rules of the row. Errors of excluded fields are left out: their form cannot show them."""
        errors: dict[str, list[ValidationError]] = {}
        try:
            super().clean_fields(exclude=exclude)
        except ValidationError as err:
            errors = err.update_error_dict(errors)
        try:
            self.check_rules()
        except ValidationError as err:
            errors = err.update_error_dict(errors)
        errors = {name: found for name, found in errors.items() if name not in (exclude or ())}
        if errors:
            raise ValidationError(errors)
