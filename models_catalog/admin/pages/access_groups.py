"""The page of access groups: models that are granted together."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from models_catalog.admin import html
from models_catalog.admin.problems import CatalogAdmin
from models_catalog.models import AccessGroup


@admin.register(AccessGroup)
class AccessGroupAdmin(CatalogAdmin):
    empty_icon = "workspaces"
    empty_text = (
        "An access group is a set of models. A model that is added to it is granted to all keys and projects that have it."
    )
    list_display = ("name", "grants")
    search_fields = ("name",)
    search_help_text = "Name"
    autocomplete_fields = ("models",)
    fields = ("name", "models")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessGroup]:
        rows: QuerySet[AccessGroup] = super().get_queryset(request)
        return rows.prefetch_related("models")

    @admin.display(description="Models")
    def grants(self, row: AccessGroup) -> SafeString:
        return html.tags(model.name for model in row.models.all()) or html.muted("none")
