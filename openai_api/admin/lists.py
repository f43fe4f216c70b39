"""How are rows listed that are many, and that nobody writes? By what an index finds, without counting a million of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from models_catalog.admin.ui import ModelAdmin
from openai_api.context import ANONYMOUS
from openai_api.models import JobRow, StoredResponseRow

COUNTED = 10_000


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `COUNTED` rows: older requests are found by the filters."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.order_by().values_list("pk")[:COUNTED])


class ExactSearch(ModelAdmin):
    """What is searched for is the whole value of a field, as it is written there. Each field has an index: a million rows are
    asked as fast as ten, where Django's own search reads them all."""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term or "\0" in term:
            return super().get_search_results(request, queryset, term)
        return queryset.filter(Q(*((name, term) for name in self.search_fields), _connector=Q.OR)), False


class OfKeys(ExactSearch):
    """Rows that belong to a client key, newest first; nobody adds or changes one."""

    ordering = ("-created_at",)
    paginator = EstimatingPaginator
    show_full_result_count = False
    list_max_show_all = 0

    @admin.display(description="key", ordering="owner")
    def key(self, row: StoredResponseRow | JobRow) -> str:
        """Leads to the key that asked."""
        if row.owner == ANONYMOUS.id:
            return ANONYMOUS.name
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:models_catalog_clientkey_change", args=[row.owner]), row.owner[:8]
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
