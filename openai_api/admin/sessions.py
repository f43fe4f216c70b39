"""How does an operator look at sessions? A list that finds one among a million, and a page for each."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import now

from models_catalog.admin import html
from openai_api.admin import figures, filters, session_page
from openai_api.admin.erasing import ErasesSessions
from openai_api.admin.lists import EstimatingPaginator
from openai_api.database.erasure import tags_of, with_label
from openai_api.models import SessionEventRow, SessionLabelRow, SessionRow

SHOWN_TAGS = 2


@admin.register(SessionRow)
class SessionAdmin(ErasesSessions):
    """Sessions, the one that was heard of last first. Nobody adds or changes one; they can be erased."""

    list_display = (
        "session", "state", "agent_", "model", "started", "last", "calls", "tokens", "cost", "errors_", "tools",
    )  # fmt: skip
    list_filter = (
        filters.StateFilter,
        filters.AgentFilter,
        filters.ModelFilter,
        filters.KeyFilter,
        filters.TenantFilter,
        filters.TagFilter,
        filters.SeenSince,
        filters.SeenUntil,
    )
    list_filter_submit = True
    search_fields = ("session_id", "agent", "tenant")
    search_help_text = "Session, name:value of a tag, agent, model, key or tenant, exactly as written."
    ordering = ("-last_at", "-pk")
    paginator = EstimatingPaginator
    show_full_result_count = False
    list_max_show_all = 0
    empty_icon = "forum"
    change_form_template = "openai_api/session.html"
    fieldsets = ((None, {"fields": ()}),)

    @property
    def empty_text(self) -> str:  # type: ignore[override]
        if events_are_kept():
            return "Requests that belong together are a session. The first one appears here soon after its first request."
        return "Events are not kept. Set GATEWAY_EVENTS=database and start the gateway again: sessions appear here from then on."

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """By one index: whatever the term is known as."""
        term = search_term.strip()
        if not term:
            return queryset, False
        seen = self.get_queryset(request)
        wanted = None if "\0" in term else next((found for found in meanings(term) if seen.filter(found).exists()), None)
        return (queryset.none() if wanted is None else queryset.filter(wanted)), False

    # The page

    def get_urls(self) -> list[URLPattern]:
        place = self.admin_site.admin_view
        own = [
            path("<path:object_id>/live/", place(self.guarded(self.live_view)), name="openai_api_sessionrow_live"),
            path(
                "<path:object_id>/events/<int:number>/", place(self.guarded(self.event_view)), name="openai_api_sessionrow_event"
            ),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None and self.has_view_permission(request, row):
            shown = session_page.context(request, row)
            extra_context = {**(extra_context or {}), **shown, "title": "Session", "subtitle": None}
        return session_page.uncached(super().change_view(request, object_id, form_url, extra_context))

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return session_page.live(request, self.seen(request, object_id))

    def event_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        row = self.seen(request, object_id)
        event = SessionEventRow.objects.select_related("session").filter(session=row, number=number).first()
        if event is None:
            raise Http404
        return session_page.event_json(request, event)

    # The list

    @admin.display(description="session", ordering="session_id")
    def session(self, row: SessionRow) -> SafeString:
        """Its id, and some of its tags below."""
        found = [f"{name}:{value}" for name, value in tags_of(row.tags).items()]
        more = [f"+{len(found) - SHOWN_TAGS}"] if len(found) > SHOWN_TAGS else []
        shown = html.tags([*found[:SHOWN_TAGS], *more]) if found else ""
        return format_html('<span class="sb-mono sb-clip" title="{0}">{0}</span>{1}', row.session_id, shown)

    @admin.display(description="state", ordering="ended_at")
    def state(self, row: SessionRow) -> SafeString:
        return html.tag("Live", "good") if row.ended_at is None else html.tag("Ended")

    @admin.display(description="agent", ordering="agent")
    def agent_(self, row: SessionRow) -> SafeString:
        return format_html('<span class="sb-clip sb-clip-short" title="{0}">{0}</span>', row.agent)

    @admin.display(description="started", ordering="started_at")
    def started(self, row: SessionRow) -> str:
        return f"{row.started_at:%Y-%m-%d %H:%M}"

    @admin.display(description="last event", ordering="last_at")
    def last(self, row: SessionRow) -> SafeString:
        return format_html(
            '<span title="{}">{} ago</span>', f"{row.last_at:%Y-%m-%d %H:%M:%S}", timesince(row.last_at, now(), depth=1)
        )

    @admin.display(description="tokens", ordering="output_tokens")
    def tokens(self, row: SessionRow) -> str:
        return f"{row.input_tokens:,} / {row.output_tokens:,}"

    @admin.display(description="cost (USD)", ordering="cost_usd")
    def cost(self, row: SessionRow) -> str:
        """With a plus where calls have no price."""
        return f"{figures.usd(row.cost_usd)}{'+' if row.unpriced else ''}"

    @admin.display(description="errors", ordering="errors")
    def errors_(self, row: SessionRow) -> SafeString | int:
        return html.tag(row.errors, "bad") if row.errors else 0


def meanings(term: str) -> list[Q]:
    """What a term may stand for, each with an index."""
    name, value = filters.tag_of(term)
    keys = filters.key_ids(term)
    return [
        Q(session_id=term),
        *([Q(pk__in=with_label(SessionLabelRow.TAG, name, value))] if value is not None else []),
        Q(agent=term),
        *([Q(client_id__in=keys)] if keys else []),
        Q(pk__in=with_label(SessionLabelRow.MODEL, term)),
        Q(tenant=term),
    ]


def events_are_kept() -> bool:
    return "database" in settings.GATEWAY_EVENTS
