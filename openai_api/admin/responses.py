"""How does an operator look at stored responses and at jobs? What is known of them, never what they say."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from openai_api.admin.lists import OfKeys
from openai_api.database.stored_responses import delete_responses, of_status, status_of, with_jobs
from openai_api.models import JobRow, StoredResponseRow


class StatusFilter(admin.SimpleListFilter):
    """The status of a response, which its job tells until it has ended."""

    title = parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status) for status in ("queued", "in_progress", "completed", "incomplete", "failed", "cancelled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StoredResponseRow]) -> QuerySet[StoredResponseRow]:
        status = self.value()
        return queryset if status is None else of_status(queryset, status)


@admin.register(StoredResponseRow)
class StoredResponseAdmin(OfKeys):
    """Responses that the gateway keeps, newest first: what is known of them, never what they say. They can be deleted."""

    list_display = ("created_at", "model", "status_", "key", "expires_at", "id")
    list_filter = (StatusFilter, ("created_at", admin.DateFieldListFilter))
    search_fields = ("id", "model", "owner")
    search_help_text = "Id, model or id of the key, exactly as written."
    fieldsets = (
        (None, {"fields": ("id", "model", "key", "status_")}),
        ("Times", {"fields": ("created_at", "expires_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredResponseRow]:
        """Without items and body, which are large and private."""
        rows: QuerySet[StoredResponseRow] = super().get_queryset(request)
        return with_jobs(rows.defer("items", "body"))

    @admin.display(description="status", ordering="status")
    def status_(self, row: StoredResponseRow) -> str:
        return status_of(row)

    def delete_model(self, request: HttpRequest, obj: StoredResponseRow) -> None:
        """With its job, which ends a response in the making."""
        delete_responses([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StoredResponseRow]) -> None:
        delete_responses(list(queryset.values_list("pk", flat=True)))


@admin.register(JobRow)
class JobAdmin(OfKeys):
    """Jobs, newest first: which worker runs them, never their payloads and events."""

    list_display = ("created_at", "kind", "state", "failures", "key", "worker", "beat_at", "id")
    list_filter = ("state", "kind", "streamed", ("created_at", admin.DateFieldListFilter))
    search_fields = ("id", "kind", "owner", "worker")
    search_help_text = "Id, kind, id of the key or name of the worker, exactly as written."
    fieldsets = (
        (None, {"fields": ("id", "kind", "key", "state", "streamed")}),
        ("Tries", {"fields": ("worker", "beat_at", "failures", "not_before")}),
        ("Times", {"fields": ("created_at", "expires_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobRow]:
        """Without payloads."""
        rows: QuerySet[JobRow] = super().get_queryset(request)
        return rows.defer("payload")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
