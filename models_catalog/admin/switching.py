"""How are many rows switched on or off at once? One by one, so that each has its line in the history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from models_catalog.admin.problems import CatalogAdmin


class SwitchableAdmin(CatalogAdmin):
    """Rows with `enabled`, and the two actions for it."""

    actions: tuple[str, ...] = ("enable", "disable")

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.switch(request, rows, on=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.switch(request, rows, on=False)

    def switch(self, request: HttpRequest, rows: QuerySet[Any], *, on: bool) -> None:
        word = "enabled" if on else "disabled"
        with transaction.atomic():
            changed = list(rows.exclude(enabled=on))
            for row in changed:
                row.enabled = on
                row.save(update_fields=["enabled"])
                self.log_change(request, row, f"{word.capitalize()}.")
        name = self.opts.verbose_name if len(changed) == 1 else self.opts.verbose_name_plural
        self.message_user(request, f"{len(changed)} {name} {word}.")
