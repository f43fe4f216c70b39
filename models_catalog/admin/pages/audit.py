"""The page of the audit log: who changed what, who signed in. Nobody adds, changes or deletes what stands there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.models import AuditEntry

Action = AuditEntry.Action
COLOURS = {Action.ADDED: "good", Action.DELETED: "bad", Action.FAILED: "warn", Action.LOCKED: "bad", Action.BULK: "warn"}
SHOWN = 4
"""Columns of a change that the list tells."""


def value_text(value: object) -> str:
    """A value of an entry as people read it."""
    if value is None or value in ("", [], {}):
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and value.keys() == {"id", "name"}:
        return str(value["name"])
    if isinstance(value, list):
        return ", ".join(map(value_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@admin.register(AuditEntry)
class AuditAdmin(ui.ModelAdmin):
    empty_icon = "policy"
    empty_text = "Every change of the catalog, of keys, people and accounts, and every sign-in is kept here, without secrets."
    list_display = ("number", "at", "who", "did", "row", "what")
    list_display_links = ("number",)
    list_filter = ("action", "source", ("at", admin.DateFieldListFilter))
    search_fields = ("=actor", "=name", "=object_id", "=address", "=kind")
    search_help_text = "Account, row, id, address or kind, exactly as written"
    show_full_result_count = False
    list_max_show_all = 0
    ordering = ("-number",)
    actions = ()
    fieldsets = (
        (None, {"fields": ("number", "at", "who", "address", "did", "row", "kind", "object_id", "revision")}),
        ("What changed", {"fields": ("differences",)}),
        ("Chain", {"fields": ("digest",)}),
    )
    readonly_fields = ("who", "did", "row", "what", "differences")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        rows: QuerySet[AuditEntry] = super().get_queryset(request)
        return rows

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [row_column(request) if name == "row" else name for name in super().get_list_display(request)]

    @admin.display(description="Who", ordering="actor")
    def who(self, row: AuditEntry) -> SafeString:
        return format_html('{} <span class="sb-muted">{}</span>', row.actor, row.get_source_display())

    @admin.display(description="Did", ordering="action")
    def did(self, row: AuditEntry) -> SafeString:
        return html.tag(row.get_action_display(), COLOURS.get(Action(row.action), ""))

    @admin.display(description="Row")
    def row(self, row: AuditEntry) -> SafeString:
        return format_html('{} <span class="sb-muted">{}</span>', row.name, kind_of(row))

    @admin.display(description="What")
    def what(self, row: AuditEntry) -> str:
        said = [f"{name}: {value_text(before)} → {value_text(after)}" for name, (before, after) in row.changed.items()]
        if row.action != Action.CHANGED:
            said = [f"{name} {value_text(after)}" for name, (before, after) in row.changed.items() if after]
        more = f" … and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        return "; ".join(line[:120] for line in said[:SHOWN]) + more

    @admin.display(description="Columns")
    def differences(self, row: AuditEntry) -> SafeString:
        if not row.changed:
            return html.muted("nothing besides")
        return table_of(row.changed)


def row_column(request: HttpRequest) -> Callable[[AuditEntry], SafeString]:
    """The column of the row that was changed, which leads to its page where the account may open that."""

    @admin.display(description="Row")
    def changed(row: AuditEntry) -> SafeString:
        url, kind = page_of(row), row.parent_kind if row.parent_id else row.kind
        app, _, model = kind.partition(".")
        seen = url and request.user.has_perm(f"{app}.view_{model}")
        name = format_html('<a class="sb-link" href="{}">{}</a>', url, row.name) if seen else row.name
        return format_html('{} <span class="sb-muted">{}</span>', name, kind_of(row))

    return changed


def table_of(changes: dict[str, Any]) -> SafeString:
    """Columns with what they were and what they are."""
    cells = ((name, value_text(before), value_text(after)) for name, (before, after) in changes.items())
    rows = format_html_join("", '<tr><th scope="row">{}</th><td><del>{}</del></td><td><ins>{}</ins></td></tr>', cells)
    head = format_html("<thead><tr>{}</tr></thead>", format_html_join("", '<th scope="col">{}</th>', [(t,) for t in HEADS]))
    return format_html('<table class="sb-table sb-diff">{}<tbody>{}</tbody></table>', head, rows)


def kind_of(row: AuditEntry) -> str:
    """What people call the kind of row; rows of classes that are gone by their old name."""
    try:
        return str(apps.get_model(row.kind)._meta.verbose_name)
    except (LookupError, ValueError):
        return row.kind


HEADS = ("Column", "Before", "After")


def page_of(row: AuditEntry) -> str:
    """The admin page of what was changed, "" if there is none."""
    kind, pk = (row.kind, row.object_id) if not row.parent_id else (row.parent_kind, row.parent_id)
    if not pk or "." not in kind or (row.action == Action.DELETED and not row.parent_id):
        return ""
    try:
        return reverse(f"admin:{kind.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return ""
