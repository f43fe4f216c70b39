"""How does an operator look at requests? A list that is read, never written, and does not count a million rows."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from models_catalog.admin import html
from models_catalog.admin.ui import ModelAdmin
from openai_api.context import ANONYMOUS
from openai_api.database.stored_responses import delete_responses, of_status, status_of, with_jobs
from openai_api.models import JobRow, StoredResponseRow, UsageRecord

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


@admin.register(UsageRecord)
class UsageRecordAdmin(ExactSearch):
    """Requests, newest first."""

    list_display = (
        "started_at", "model", "provider", "client_name", "result", "tries", "times", "tokens", "cost",
    )  # fmt: skip
    list_filter = ("status", "stream", "client_aborted", "possible_duplicate", ("started_at", admin.DateFieldListFilter))
    search_fields = ("request_id", "model", "provider", "client_name", "error")
    search_help_text = "Request id, model, provider, key or error, exactly as written."
    ordering = ("-started_at",)
    date_hierarchy = None
    paginator = EstimatingPaginator
    show_full_result_count = False
    list_max_show_all = 0
    fieldsets = (
        (None, {"fields": ("request_id", "started_at", "method", "path", "status", "error", "client_aborted", "stream")}),
        ("Key and model", {"fields": ("client_name", "client_id", "model", "served_model", "provider", "upstream_model")}),
        ("Attempts", {"fields": ("attempts_", "possible_duplicate")}),
        (
            "Tokens and cost",
            {"fields": ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "estimated", "cost_usd")},
        ),
        ("Times", {"fields": ("first_byte_ms_", "upstream_ms_", "gateway_ms_", "total_ms_")}),
    )

    @admin.display(description="result", ordering="status")
    def result(self, row: UsageRecord) -> SafeString:
        kind = "good" if row.status < 400 else "warn" if row.status < 500 else "bad"
        return format_html('<span class="sb-line">{} {}</span>', html.tag(row.status, kind), html.muted(row.error or ""))

    @admin.display(description="time (ms)", ordering="total_ms")
    def times(self, row: UsageRecord) -> str:
        return f"{_ms(row.first_byte_ms, 0) or '-'} / {_ms(row.total_ms, 0)}"

    @admin.display(description="tokens", ordering="output_tokens")
    def tokens(self, row: UsageRecord) -> str:
        counts = (row.input_tokens, row.output_tokens)
        return "" if counts == (None, None) else " / ".join("-" if count is None else str(count) for count in counts)

    @admin.display(description="cost (USD)", ordering="cost_usd")
    def cost(self, row: UsageRecord) -> str:
        return "" if row.cost_usd is None else f"{row.cost_usd.normalize():f}"

    @admin.display(description="first byte (ms)", ordering="first_byte_ms")
    def first_byte_ms_(self, row: UsageRecord) -> str:
        return _ms(row.first_byte_ms)

    @admin.display(description="total (ms)", ordering="total_ms")
    def total_ms_(self, row: UsageRecord) -> str:
        return _ms(row.total_ms)

    @admin.display(description="gateway (ms)", ordering="gateway_ms")
    def gateway_ms_(self, row: UsageRecord) -> str:
        return _ms(row.gateway_ms, 3)

    @admin.display(description="upstream (ms)")
    def upstream_ms_(self, row: UsageRecord) -> str:
        return _ms(row.upstream_ms)

    @admin.display(description="attempts")
    def attempts_(self, row: UsageRecord) -> SafeString:
        """One line a try, in order."""
        lines = (
            (tried["provider"], tried["upstream_model"], tried["outcome"], _ms(tried["upstream_s"] * 1000))
            for tried in json.loads(row.attempts)
        )
        return format_html_join("", "<div>{} / {}: <b>{}</b> after {} ms</div>", lines)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
        return with_jobs(StoredResponseRow.objects.defer("items", "body"))

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
        return JobRow.objects.defer("payload")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _ms(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"
