"""The page of management tokens: made here, shown once in the answer to the form, revoked for good."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from models_catalog.admin import html, ui
from models_catalog.admin.once import OnceAdmin, OnceForm
from models_catalog.admin.tenancy import Reach, belongs, reach_of
from models_catalog.models import ManagementToken
from openai_api.database.management_tokens import PREFIX, check, fresh, revoke_token
from openai_api.database.token_scopes import known_scopes, rights_for
from providers.types import Secret


@belongs(ManagementToken)
def _of_tenants(reach: Reach) -> Q:
    return Q(tenant__in=reach.tenants)


class TokenForm(OnceForm):
    """Nobody gives a token a right that he has not, nor one that reaches further than he does."""

    request: HttpRequest
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in known_scopes()],
        widget=ui.Checkboxes(),
        help_text="A resource and a verb. * is everything, *:read reading everything. Writing does not include reading.",
    )

    class Meta:
        model = ManagementToken
        fields = ("name", "scopes", "tenant", "expires_at")
        labels = {"expires_at": "Expires at (UTC)"}
        help_texts = {"name": "Which program has it.", "expires_at": "Empty: never."}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        scopes, tenant, expires_at = data.get("scopes") or [], data.get("tenant"), data.get("expires_at")
        if reach_of(self.request) is not None and tenant is None and "tenant" not in self.errors:
            self.add_error("tenant", "Choose the tenant that it is for.")
        if scopes:
            try:
                check(scopes, tenant)
            except ValidationError as error:
                self.add_error(None, error)
            if not self.request.user.has_perms(rights_for(scopes)):
                self.add_error("scopes", "You cannot give rights that your account does not have.")
        if expires_at and expires_at <= timezone.now():
            self.add_error("expires_at", "This time has passed.")
        return data


def status(row: ManagementToken) -> tuple[str, str]:
    """In a word, and its colour."""
    if row.revoked_at:
        return "Revoked", "bad"
    if row.expires_at and row.expires_at <= timezone.now():
        return "Expired", "warn"
    return "Active", "good"


@admin.register(ManagementToken)
class ManagementTokenAdmin(OnceAdmin):
    form = TokenForm
    made_once = "token"
    empty_icon = "terminal"
    empty_text = "Programs manage the gateway over its API with a token. It is shown once, when it is created."
    list_display = ("name", "token", "state", "may", "tenant", "expires_at", "last_used_at", "created_at")
    list_select_related = ("tenant",)
    search_fields = ("name", "public_id")
    autocomplete_fields = ("tenant",)
    readonly_fields = ("token", "state", "may", "created_by", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)
    fields = ("name", "token", "state", "may", "tenant", "expires_at", "created_by", "created_at", "last_used_at", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj is not None else ("name", "scopes", "tenant", "expires_at", "form_id")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A form that knows who fills it in."""
        made = super().get_form(request, obj, change, **kwargs)
        return type(made.__name__, (made,), {"request": request})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token stays as it was made; it can be revoked, by the list."""
        return obj is None and bool(super().has_change_permission(request))

    @sensitive_variables("token")
    def save_model(self, request: HttpRequest, obj: ManagementToken, form: Any, change: bool) -> None:
        token = fresh(obj)
        obj.created_by = request.user  # type: ignore[assignment]
        vars(obj)["shown_once"] = Secret(token)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: ManagementToken, post_url_continue: str | None = None) -> HttpResponse:
        """The page with the token is the answer to the form itself: no session, cookie, address or message ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": obj.name,
            "token": vars(obj)["shown_once"],
            "base_url": request.build_absolute_uri("/manage/v1"),
        }
        response = TemplateResponse(request, "openai_api/management_token_created.html", context)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        return response

    @admin.display(description="Token")
    def token(self, row: ManagementToken) -> SafeString:
        return html.mono(f"{PREFIX}{row.public_id}…{row.last_four}")

    @admin.display(description="State")
    def state(self, row: ManagementToken) -> SafeString:
        return html.tag(*status(row))

    @admin.display(description="Scopes")
    def may(self, row: ManagementToken) -> SafeString:
        return html.tags(row.scopes)

    @admin.action(description="Revoke, for good", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ManagementToken]) -> None:
        active = list(rows.filter(revoked_at__isnull=True))
        for row in active:
            revoke_token(row)
            self.log_change(request, row, "Revoked.")
        self.message_user(request, f"{len(active)} revoked.")
