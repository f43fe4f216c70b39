"""The page of the history: who changed what, and when. Nobody adds, changes or deletes what stands there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui

VERBS = {1: ("Added", "good"), 2: ("Changed", ""), 3: ("Deleted", "bad")}


@admin.register(LogEntry)
class HistoryAdmin(ui.ModelAdmin):
    empty_icon = "history"
    empty_text = "Whatever is added, changed or deleted in the admin is kept here, without secrets."
    list_display = ("action_time", "user", "verb", "what", "said")
    list_filter = ("action_flag", ("content_type", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("user", "content_type")
    search_fields = ("=user__username", "=object_repr")
    search_help_text = "Account or row, exactly as written"
    show_full_result_count = False
    list_max_show_all = 0
    actions = ()
    fieldsets = ((None, {"fields": ("action_time", "user", "verb", "what", "said")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        rows: QuerySet[LogEntry] = super().get_queryset(request)
        return rows.select_related("user", "content_type")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Did", ordering="action_flag")
    def verb(self, row: LogEntry) -> SafeString:
        return html.tag(*VERBS.get(row.action_flag, ("?", "")))

    @admin.display(description="Row")
    def what(self, row: LogEntry) -> SafeString:
        return format_html('{} <span class="sb-muted">{}</span>', row.object_repr, row.content_type or "")

    @admin.display(description="What")
    def said(self, row: LogEntry) -> str:
        return row.get_change_message()
