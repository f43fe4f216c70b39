"""Which rows were left out of the catalog, and why? Shown on the overview, in the lists and on the rows' own pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, key_source
from models_catalog.admin.published import PublishedRowsAdmin
from models_catalog.compiler import compile_routing, compile_snapshot
from models_catalog.compiler.some_rows import problems_of_rows
from models_catalog.hook_types import running_faults
from models_catalog.live import in_force
from models_catalog.models import Budget, ClientKey, Credential, Hook, Limit, ModelDefinition, Provider
from models_catalog.publish import current_version
from models_catalog.snapshot import CatalogSnapshot, Problem

HIDDEN = frozenset({"secret", "key_hash", "last_four", "extra_headers", "secrets"})
"""Columns that no list may be filtered by."""


ROUTED = frozenset({ModelDefinition, Provider, Credential, Hook})
"""Models whose rows are judged together."""
MANY = frozenset({ClientKey, Limit, Budget})
"""Models whose rows are judged one by one, since there may be very many."""
SHOWN = "signalbox_rows_shown"
"""Where a request keeps the rows of its list."""


def snapshot() -> CatalogSnapshot:
    """The catalog as the gateway sees it now."""
    return served() or compile_snapshot()


def routing(models: Collection[int]) -> CatalogSnapshot:
    """As `snapshot`; it may lack other models than these, and the client keys, with what is wrong with them."""
    return served() or compile_routing(models)


def served() -> CatalogSnapshot | None:
    """What this process serves, if it follows the catalog and that has not changed since. Inside a transaction nobody knows: what
    it has written may be taken back."""
    return None if connection.in_atomic_block else in_force(current_version())


def problems_of(catalog: CatalogSnapshot) -> list[Problem]:
    """What was left out of the catalog, the providers that are served without the key that their type needs, and the hooks that
    could not be made."""
    rows = Provider.objects.filter(enabled=True, credential=None)
    keyless = [
        Problem(f"provider {row.name}", f"It has no key. {fault}", page_of(row))
        for row in rows
        if (fault := key_source.of_provider(row).fault)
    ]
    pages = {entry.name: entry.path for entry in catalog.hooks}
    broken = [
        Problem(f"hook {name}", f"It does not run: {fault}.", pages[name])
        for name, fault in running_faults().items()
        if name in pages
    ]
    return [*catalog.problems, *keyless, *broken]


def page_of(row: Model) -> str:
    """The address of a row's page; problems name it as their `path`."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def rows_shown(request: HttpRequest) -> Sequence[Any]:
    """The rows of the list that a request shows."""
    rows: Sequence[Any] = vars(request).get(SHOWN, ())
    return rows


def by_page(problems: Sequence[Problem]) -> Mapping[str, list[Problem]]:
    found: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        found[problem.path].append(problem)
    return found


def problems_among(model: type[Model], pks: Sequence[object]) -> list[Problem]:
    """What is wrong with these rows of a model, and maybe with others. Client keys are not compiled for it."""
    if model not in ROUTED:
        return problems_of_rows(model, pks)
    return problems_of(routing([int(str(pk)) for pk in pks] if model is ModelDefinition else ()))


def column(found: Callable[[], Sequence[Problem]]) -> Callable[[Model], SafeString]:
    """The column of a list that marks rows with problems, which are looked for once."""
    pages = cache(lambda: by_page(found()))

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


class CatalogAdmin(PublishedRowsAdmin):
    """A page of rows that are compiled: lists mark those with problems, their own pages begin with them."""

    change_form_outer_before_template = "models_catalog/row_problems.html"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Asking for rows by the beginning of a secret would be a way to read it."""
        return not HIDDEN.intersection(lookup.split("__")) and bool(super().lookup_allowed(lookup, value, request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = list(super().get_list_display(request))
        return [*shown, column(partial(self._shown_problems, request))] if self.model in ROUTED | MANY else shown

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        vars(request)[SHOWN] = found.result_list
        return found

    def _shown_problems(self, request: HttpRequest) -> Sequence[Problem]:
        return problems_among(self.model, [row.pk for row in rows_shown(request)])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        problems = problems_among(self.model, [object_id]) if request.method == "GET" else ()
        found = by_page(problems).get(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]), [])
        response: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), "problems": found})
        return response
