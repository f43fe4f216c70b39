"""The page of requests for more: what people ask for at /me, to be approved or declined."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.admin.granting import CannotGrant, decide, may_grant
from models_catalog.admin.problems import page_of
from models_catalog.models import KeyRequest

KINDS = {KeyRequest.State.OPEN: "warn", KeyRequest.State.APPROVED: "good"}


class AnswerForm(ui.DialogForm):
    answer = forms.CharField(required=False, max_length=2000, label="Answer", widget=ui.Lines(), help_text="The person reads it.")


@admin.register(KeyRequest)
class KeyRequestAdmin(ui.ModelAdmin):
    empty_icon = "waving_hand"
    empty_text = "People who sign in at /me can ask for a model, a higher limit or a budget. What they ask for appears here."
    list_display = ("created_at", "person_", "wish_", "key", "state_", "decided_by", "decided_at")
    list_filter = ("state", "wanted")
    search_fields = ("person__name", "client_key__name")
    search_help_text = "Name of the person or of the key"
    actions = ()
    actions_detail = ("approve_one", "decline_one")
    fieldsets = (
        (None, {"fields": ("person_", "key", "wish_", "reason", "created_at")}),
        ("Decision", {"fields": ("state_", "answer", "decided_by", "decided_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[KeyRequest]:
        rows: QuerySet[KeyRequest] = super().get_queryset(request)
        return rows.select_related("person__tenant", "client_key", "decided_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perms(["models_catalog.view_keyrequest"])

    # Deciding

    @ui.dialog(
        title="Approve",
        text="What is asked for is granted at once: the limit, budget or model is set as the request says.",
        submit="Approve",
        icon="check",
        permission="approve",
        form=AnswerForm,
    )
    def approve_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        return self.decide(request, form, object_id, approve=True)

    @ui.dialog(title="Decline", text="Nothing changes.", submit="Decline", icon="block", permission="decline", form=AnswerForm)
    def decline_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        return self.decide(request, form, object_id, approve=False)

    def has_decline_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.open_one(request, object_id) is not None

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        row = self.open_one(request, object_id)
        return row is not None and may_grant(request.user, row)

    def open_one(self, request: HttpRequest, object_id: str | None) -> KeyRequest | None:
        """The request, if it is open and who asks may decide at all."""
        if not object_id or not request.user.has_perms(["models_catalog.change_keyrequest"]):
            return None
        row = self.get_object(request, object_id)
        return row if isinstance(row, KeyRequest) and row.state == KeyRequest.State.OPEN else None

    def decide(self, request: HttpRequest, form: ui.DialogForm, object_id: str, *, approve: bool) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        try:
            decided, changes = decide(row.pk, request.user, form.cleaned_data["answer"], approve=approve)
        except CannotGrant as error:
            self.message_user(request, f"Not approved: {error}", messages.ERROR)
            return ui.go_to(page_of(row))
        for changed, text, new in changes:
            (self.log_addition if new else self.log_change)(request, changed, text)
        self.log_change(request, decided, f"{decided.get_state_display()}: {decided.wish}.")
        self.message_user(request, f"{decided.get_state_display()}: {decided.wish}.")
        return ui.go_to(page_of(decided))

    # What is shown

    @admin.display(description="Person", ordering="person__name")
    def person_(self, row: KeyRequest) -> SafeString:
        return format_html('{} <span class="sb-muted">{}</span>', row.person.name, row.person.tenant.name)

    @admin.display(description="Asks for")
    def wish_(self, row: KeyRequest) -> str:
        return row.wish

    @admin.display(description="Key", ordering="client_key__name")
    def key(self, row: KeyRequest) -> SafeString:
        if row.client_key is None:
            return html.muted("all keys together")
        return format_html('<a class="sb-link" href="{}">{}</a>', page_of(row.client_key), row.client_key.name)

    @admin.display(description="State", ordering="state")
    def state_(self, row: KeyRequest) -> SafeString:
        return html.tag(row.get_state_display(), KINDS.get(KeyRequest.State(row.state), ""))
