"""The page of projects: what keys are for, and what they may use at most."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.admin.counting import counted
from models_catalog.admin.fields import AliasesField
from models_catalog.admin.rule_inlines import INLINES
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.use import UsedAdmin
from models_catalog.models import ClientKey, Project

ALIASES = "One a line, name = model: what is sent as model, and the model that is meant."


class ProjectForm(ui.ModelForm):
    aliases = AliasesField(required=False, widget=ui.Lines(), help_text=ALIASES)

    class Meta:
        model = Project
        fields = ("tenant", "name", "enabled", "all_models", "allowed_models", "access_groups", "aliases")
        labels = {"all_models": "All models", "allowed_models": "Models", "access_groups": "Access groups"}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = data.get("allowed_models") or data.get("access_groups")
        if not data.get("all_models", True) and not chosen and "allowed_models" not in self.errors:
            self.add_error("allowed_models", "Choose at least one model or group, or allow all models.")
        return data


@admin.register(Project)
class ProjectAdmin(UsedAdmin, SwitchableAdmin):
    form = ProjectForm
    empty_icon = "folder_open"
    empty_text = "A project is what keys are for: a team, an application, a customer. It bounds what its keys may use."
    inlines = INLINES["project"]
    list_display = ("name", "tenant", "state", "may_use", "number_of_keys", "used", "created_at")
    list_display_links = ("name",)
    ordering = ("tenant__name", "name")
    list_filter = ("enabled", "tenant", "all_models")
    list_select_related = ("tenant",)
    search_fields = ("name", "tenant__name")
    search_help_text = "Name, or that of its tenant"
    autocomplete_fields = ("tenant", "allowed_models", "access_groups")
    readonly_fields = ("traffic", "created_at")
    conditional_fields = {
        "allowed_models": "typeof all_models === 'undefined' || !all_models",
        "access_groups": "typeof all_models === 'undefined' || !all_models",
    }
    fieldsets = (
        (None, {"fields": ("tenant", "name", "enabled")}),
        ("Models", {"fields": ("all_models", "allowed_models", "access_groups", "aliases")}),
        ("State", {"fields": ("traffic", "created_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Project | None = None) -> Any:
        return self.fieldsets[:2] if obj is None else self.fieldsets

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        rows: QuerySet[Project] = super().get_queryset(request)
        related = rows.select_related("tenant").prefetch_related("allowed_models", "access_groups")
        return related.annotate(keys_=counted(ClientKey, "project"))

    @admin.display(description="State", ordering="enabled")
    def state(self, row: Project) -> SafeString:
        return html.switch(row.enabled)

    @admin.display(description="Models")
    def may_use(self, row: Project) -> SafeString:
        return may_use(row)

    @admin.display(description="Keys", ordering="keys_")
    def number_of_keys(self, row: Project) -> int:
        return int(getattr(row, "keys_"))  # noqa: B009 - an annotation, which the type does not know


def may_use(row: Any) -> SafeString:
    """The models and groups of a project or a key."""
    if row.all_models:
        return html.muted("all")
    return html.tags(
        [*(model.name for model in row.allowed_models.all()), *(f"group {one.name}" for one in row.access_groups.all())]
    )
