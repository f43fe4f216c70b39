"""Which rows were left out of the catalog, and why? Shown on the overview, in the lists and on the rows' own pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, key_source, ui
from models_catalog.compiler import compile_snapshot
from models_catalog.models import Provider
from models_catalog.snapshot import CatalogSnapshot, Problem

HIDDEN = frozenset({"secret", "key_hash", "last_four", "extra_headers"})
"""Columns that no list may be filtered by."""


def snapshot() -> CatalogSnapshot:
    """The catalog as the gateway sees it now."""
    return compile_snapshot()


def problems_of(catalog: CatalogSnapshot) -> list[Problem]:
    """What was left out of the catalog, and the providers that are served without the key that their type needs."""
    rows = Provider.objects.filter(enabled=True, credential=None)
    keyless = [
        Problem(f"provider {row.name}", f"It has no key. {fault}", page_of(row))
        for row in rows
        if (fault := key_source.of_provider(row).fault)
    ]
    return [*catalog.problems, *keyless]


def page_of(row: Model) -> str:
    """The address of a row's page; problems name it as their `path`."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def by_page(problems: Sequence[Problem]) -> Mapping[str, list[Problem]]:
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.path].append(problem)
    return found


def column() -> Callable[[Model], SafeString]:
    """The column of a list that marks rows with problems. One compilation for the whole list."""
    pages = cache(lambda: by_page(problems_of(snapshot())))

    @admin.display(description="Problems")
    def problems(row: Model) -> SafeString:
        found = pages().get(page_of(row), [])
        if not found:
            return html.muted("none")
        return format_html(
            '<span class="sb-mark" title="{}"><span class="material-symbols-outlined" aria-hidden="true">warning</span>{}</span>',
            "\n".join(problem.message for problem in found),
            len(found),
        )

    return problems


class CatalogAdmin(ui.ModelAdmin):
    """A page of rows that are compiled: lists mark those with problems, their own pages begin with them."""

    change_form_outer_before_template = "models_catalog/row_problems.html"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Asking for rows by the beginning of a secret would be a way to read it."""
        return not HIDDEN.intersection(lookup.split("__")) and bool(super().lookup_allowed(lookup, value, request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_display(request), column()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        pages = by_page(problems_of(snapshot())) if request.method == "GET" else {}
        found = pages.get(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]), [])
        response: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), "problems": found})
        return response
