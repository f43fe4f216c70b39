"""How are many rows switched on or off at once? One by one, so that each has its line in the history."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from models_catalog.admin import ui
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

    @ui.dialog(
        title="Enable",
        text="It is served by the next request.",
        submit="Enable",
        icon="toggle_on",
        permission="switch",
        form=ui.DialogForm,
    )
    def enable_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        return self.switch_one(request, object_id, on=True)

    @ui.dialog(
        title="Disable",
        text="Requests are refused until it is enabled again. What it is made of stays.",
        submit="Disable",
        icon="toggle_off",
        permission="switch",
        form=ui.DialogForm,
    )
    def disable_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        return self.switch_one(request, object_id, on=False)

    def has_switch_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    def switch_one(self, request: HttpRequest, object_id: str, *, on: bool) -> HttpResponse:
        rows = self.get_queryset(request).filter(pk=object_id)
        if not rows:
            raise Http404
        self.switch(request, rows, on=on)
        return ui.go_to(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def switch(self, request: HttpRequest, rows: QuerySet[Any], *, on: bool) -> None:
        word = "enabled" if on else "disabled"
        with transaction.atomic():
            changed = list(self.own(rows).exclude(enabled=on))
            for row in changed:
                row.enabled = on
                row.save(update_fields=["enabled"])
                self.log_change(request, row, f"{word.capitalize()}.")
        name = self.opts.verbose_name if len(changed) == 1 else self.opts.verbose_name_plural
        self.message_user(request, f"{len(changed)} {name} {word}.")
