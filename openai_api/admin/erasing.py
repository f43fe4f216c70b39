"""How does an operator erase sessions? On a session's page, for chosen ones in the list, or all of a key's, after a question.

What takes longer than an answer may is told, to be done again or by `manage.py erase_sessions`. The history says who erased how
much, never what: not even how a session was called.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from models_catalog.admin import ui
from models_catalog.admin.pages.client_keys import ClientKeyAdmin
from models_catalog.admin.problems import page_of
from models_catalog.models import ClientKey
from openai_api.database.erasure import Erased, Selection, counted, erase, erase_sessions
from openai_api.database.stored_responses import delete_responses_of
from openai_api.models import SessionRow

PATIENCE_S = 15.0
"""How long an answer may take."""
MOST = 10_000
"""Sessions of one action."""
VIEW = "openai_api.view_sessionrow"
ERASE = "openai_api.delete_sessionrow"
ERASE_RESPONSES = "openai_api.delete_storedresponserow"
WHAT = (
    "Events and what was said are deleted, and requests no longer say which session, agent and tags they had."
    " Their costs stay. This cannot be undone."
)


def as_far(steps: Iterable[Erased]) -> tuple[Erased, bool]:
    """How much was erased within `PATIENCE_S`, and whether that was all."""
    total, end = Erased(), monotonic() + PATIENCE_S
    for step in steps:
        total += step
        if monotonic() > end:
            return total, False
    return total, True


def tell(page: ui.ModelAdmin, request: HttpRequest, what: str, done: bool) -> None:
    more = "" if done else " There is more: do it again, or use manage.py erase_sessions."
    page.message_user(request, f"{what}{more}", messages.SUCCESS if done else messages.WARNING)


class ErasesSessions(ui.ModelAdmin):
    """A page of sessions that are read, and erased by those who may."""

    actions = ("erase",)
    actions_detail = ("erase_one",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By its own right alone: Django takes that to change, which nobody has, for one to view."""
        return request.user.has_perm(VIEW)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's deletion knows nothing of requests: sessions are erased."""
        return False

    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(ERASE)

    def seen(self, request: HttpRequest, object_id: str) -> SessionRow:
        """The row, for those who may see it."""
        row = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if not isinstance(row, SessionRow):
            raise Http404
        return row

    @admin.action(description="Erase", permissions=["erase"])
    def erase(self, request: HttpRequest, rows: QuerySet[SessionRow]) -> HttpResponse | None:
        if not request.POST.get("post"):
            return self.ask(request, rows)
        chosen = list(rows.order_by("last_at").values_list("pk", flat=True)[:MOST])
        erased, done = as_far(erase_sessions(SessionRow.objects.filter(pk__in=chosen)))
        self.remember(request, None, erased)
        tell(self, request, f"Erased {erased}.", done and len(chosen) < MOST)
        return None

    def ask(self, request: HttpRequest, rows: QuerySet[SessionRow]) -> HttpResponse:
        number = len(rows.order_by().values_list("pk")[: MOST + 1])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Erase sessions",
            "what": WHAT,
            "rows": rows[:20],
            "more": max(number - 20, 0),
            "number": counted(number, "session") if number <= MOST else f"the oldest {MOST:,} of these sessions",
            "chosen": request.POST.getlist("_selected_action"),
            "across": request.POST.get("select_across", "0"),
        }
        return TemplateResponse(request, "openai_api/erase_sessions.html", context)

    @ui.dialog(title="Erase", text=WHAT, submit="Erase the session", icon="delete", permission="erase", form=ui.DialogForm)
    def erase_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        row = self.seen(request, object_id)
        erased, done = as_far(erase_sessions(SessionRow.objects.filter(pk=row.pk)))
        self.remember(request, row, erased)
        tell(self, request, f"Erased {erased}.", done)
        return ui.go_to(reverse("admin:openai_api_sessionrow_changelist"))

    def remember(self, request: HttpRequest, row: SessionRow | None, erased: Erased) -> None:
        """In the history; a session is called by its number there, and by its key."""
        whose = f" of {row.client_name}" if row is not None and row.client_name else ""
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(SessionRow),
            object_id=None if row is None else str(row.pk),
            object_repr="Sessions" if row is None else f"Session {row.pk}{whose}"[:200],
            action_flag=DELETION,
            change_message=f"Erased {erased}.",
        )


class EraseOfKeyForm(ui.DialogForm):
    responses = forms.BooleanField(
        required=False,
        label="Also its stored responses",
        widget=ui.Checkbox(),
        help_text="The key cannot continue them any more.",
    )


admin.site.unregister(ClientKey)


@admin.register(ClientKey)
class ClientKeyWithSessionsAdmin(ClientKeyAdmin):
    """The page of client keys, where also the sessions of one are erased."""

    actions_detail = (*ClientKeyAdmin.actions_detail, "erase_sessions_of_one")  # type: ignore[assignment]

    @ui.dialog(
        title="Erase sessions", text=WHAT, submit="Erase its sessions", icon="delete", permission="erase", form=EraseOfKeyForm
    )
    def erase_sessions_of_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        erased, done = as_far(erase(Selection(client_id=str(row.pk))))
        said = f"Erased {erased}"
        if form.cleaned_data["responses"] and request.user.has_perm(ERASE_RESPONSES):
            said += f", {counted(delete_responses_of(str(row.pk)), 'stored response')}"
        self.log_change(request, row, f"{said}.")
        tell(self, request, f"{said}.", done)
        return ui.go_to(page_of(row))

    def has_erase_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm(ERASE)
