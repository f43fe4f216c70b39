"""Which rows does another program publish? They are shown with their origin, and left to it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.publication.names import ORIGIN

PUBLISHED = "signalbox_published"
"""Where a request remembers of which models some rows were published."""
DRAFTED = frozenset({"modeldefinition", "provider", "hook"})
"""What change sets can change."""


class OriginFilter(admin.SimpleListFilter):
    title = "origin"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("here", "Made here"), (ORIGIN, "Published in Redis")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "here":
            return queryset.filter(origin="")
        return queryset.filter(origin__startswith=ORIGIN) if self.value() == ORIGIN else queryset


class PublishedRowsAdmin(ui.ModelAdmin):
    """A page of rows some of which may be published. While they are followed they are read-only; so are those of the catalog for
    accounts whose changes must be approved."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and not self._needs_draft(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = bool(super().has_change_permission(request, obj)) and not is_published(obj)
        return may and not self._needs_draft(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = bool(super().has_delete_permission(request, obj)) and not is_published(obj)
        return may and not self._needs_draft(request)

    def _needs_draft(self, request: HttpRequest) -> bool:
        """Whether the account may change these rows by a change set only."""
        if not settings.GATEWAY_CHANGES_NEED_APPROVAL or self.opts.model_name not in DRAFTED:
            return False
        return not request.user.has_perm("models_catalog.change_directly")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = list(super().get_list_display(request))
        return [*shown, origin_column] if self._shows_origin(request) else shown

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        return [*filters, OriginFilter] if self._shows_origin(request) else filters

    def own(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the rows that may be changed here."""
        return rows.filter(origin="") if self._has_origin() and settings.GATEWAY_REDIS_PUBLICATION else rows

    def _has_origin(self) -> bool:
        try:
            self.opts.get_field("origin")
        except FieldDoesNotExist:
            return False
        return True

    def _shows_origin(self, request: HttpRequest) -> bool:
        """Where nothing was ever published there is nothing to tell apart. Asked once for a page."""
        known = vars(request).setdefault(PUBLISHED, {})
        if self.model not in known:
            known[self.model] = self._has_origin() and self._are_published()
        return bool(known[self.model])

    def _are_published(self) -> bool:
        rows = self.model._default_manager.exclude(origin="")  # for which there is an index, where rows are many
        return bool(settings.GATEWAY_REDIS_PUBLICATION) or rows.filter(origin__startswith=ORIGIN).exists()


@admin.display(description="Origin", ordering="origin")
def origin_column(row: Model) -> SafeString:
    return html.tag("Redis") if getattr(row, "origin", "").startswith(ORIGIN) else html.muted("here")


def is_published(row: object) -> bool:
    """Whether the row is another program's, as long as that is followed."""
    published = isinstance(row, Model) and getattr(row, "origin", "").startswith(ORIGIN)
    return published and bool(settings.GATEWAY_REDIS_PUBLICATION)
