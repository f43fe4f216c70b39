"""The page of tenants: organisations, and the accounts that see theirs only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from models_catalog.admin import html
from models_catalog.admin.counting import counted
from models_catalog.admin.purging import PurgingAdmin
from models_catalog.admin.rule_inlines import INLINES
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.tenancy import reach_of
from models_catalog.admin.use import UsedAdmin
from models_catalog.models import Person, Project, Tenant


@admin.register(Tenant)
class TenantAdmin(UsedAdmin, PurgingAdmin, SwitchableAdmin):
    """Who is an operator of a tenant sees it, and changes nothing of it: not whom it names, nor what it is called."""

    empty_icon = "domain"
    empty_text = "A tenant is an organisation: its projects, people and keys are not seen by the operators of another."
    inlines = INLINES["tenant"]
    list_display = ("name", "state", "number_of_projects", "number_of_people", "used", "created_at")
    ordering = ("name",)
    list_filter = ("enabled",)
    search_fields = ("name",)
    search_help_text = "Name"
    autocomplete_fields = ("operators",)
    actions = ("enable", "disable", "purge_cached")
    readonly_fields = ("traffic", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "enabled", "operators")}),
        ("State", {"fields": ("traffic", "created_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        return self.fieldsets[:1] if obj is None else self.fieldsets

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        rows: QuerySet[Tenant] = super().get_queryset(request)
        return rows.annotate(projects_=counted(Project, "tenant"), people_=counted(Person, "tenant"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and reach_of(request) is None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and reach_of(request) is None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Also of those that may change tenants, but not this one."""
        return bool(super().has_view_permission(request, obj)) or bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and reach_of(request) is None

    @admin.display(description="State", ordering="enabled")
    def state(self, row: Tenant) -> SafeString:
        return html.switch(row.enabled)

    @admin.display(description="Projects", ordering="projects_")
    def number_of_projects(self, row: Tenant) -> int:
        return int(getattr(row, "projects_"))  # noqa: B009 - an annotation, which the type does not know

    @admin.display(description="People", ordering="people_")
    def number_of_people(self, row: Tenant) -> int:
        return int(getattr(row, "people_"))  # noqa: B009
