"""The page of client keys: made here, shown once in the answer to the form, known afterwards by their ends only."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import DateTimeField, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from models_catalog import keys
from models_catalog.admin import html, ui
from models_catalog.admin.fields import ExpiryField
from models_catalog.admin.problems import page_of
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.models import ClientKey, ModelDefinition
from providers.types import Secret


class ClientKeyForm(ui.ModelForm):
    """`key_id` is chosen with the page: sending it twice cannot make two keys."""

    key_id = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4, required=False)

    class Meta:
        model = ClientKey
        fields = ("name", "enabled", "all_models", "allowed_models", "record_bodies", "expires_at")
        labels = {
            "all_models": "All models",
            "allowed_models": "Models",
            "record_bodies": "Record bodies",
            "expires_at": "Expires at (UTC)",
        }
        help_texts = {
            "name": "Who or what uses it, e.g. the name of a program.",
            "expires_at": "Empty: never. A date alone: the end of that day.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("all_models", True) and not data.get("allowed_models") and "allowed_models" not in self.errors:
            self.add_error("allowed_models", "Choose at least one model, or allow all models.")
        expires_at = data.get("expires_at")
        if expires_at and "expires_at" in self.changed_data and expires_at <= timezone.now():
            self.add_error("expires_at", "This time has passed.")
        return data


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.capitalize()) for name in self.conditions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        condition = self.conditions().get(self.value() or "")
        return queryset.filter(condition) if condition else queryset

    @staticmethod
    def conditions() -> dict[str, Q]:
        revoked, expired = Q(revoked_at__isnull=False), Q(expires_at__lte=timezone.now())
        return {
            "active": Q(enabled=True) & ~revoked & ~expired,
            "disabled": Q(enabled=False) & ~revoked,
            "expired": expired & ~revoked,
            "revoked": revoked,
        }


def status(row: ClientKey) -> tuple[str, str]:
    """In a word, and its colour."""
    if row.revoked_at:
        return "Revoked", "bad"
    if row.expires_at and row.expires_at <= timezone.now():
        return "Expired", "warn"
    return ("Active", "good") if row.enabled else ("Disabled", "")


def shown(row: ClientKey) -> str:
    """What is known of a key: its beginning and its end."""
    beginning = f"{keys.PREFIX}{row.public_id}" if row.public_id else ""
    return f"{beginning}…{row.last_four}"


@admin.register(ClientKey)
class ClientKeyAdmin(SwitchableAdmin):
    form = ClientKeyForm
    formfield_overrides = {
        **SwitchableAdmin.formfield_overrides,
        DateTimeField: {"form_class": ExpiryField, "widget": ui.DateTime},
    }
    empty_icon = "key"
    empty_text = "Programs call the gateway with a client key. It is shown once, when it is created."
    list_display = ("name", "key", "state", "may_use", "expires_at", "created_at")
    list_filter = (StatusFilter, "all_models", "record_bodies")
    search_fields = ("name", "public_id")
    search_help_text = "Name or public id"
    autocomplete_fields = ("allowed_models",)
    readonly_fields = ("key", "state", "created_at", "revoked_at")
    actions = ("enable", "disable", "revoke")
    actions_detail = ("revoke_one",)
    conditional_fields = {"allowed_models": "typeof all_models === 'undefined' || !all_models"}
    add_fieldsets = ((None, {"fields": ("name", "all_models", "allowed_models", "record_bodies", "expires_at", "key_id")}),)
    fieldsets = (
        (None, {"fields": ("name", "enabled", "all_models", "allowed_models", "record_bodies", "expires_at")}),
        ("State", {"fields": ("key", "state", "created_at", "revoked_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientKey]:
        rows: QuerySet[ClientKey] = super().get_queryset(request)
        return rows.prefetch_related("allowed_models")

    def has_change_permission(self, request: HttpRequest, obj: ClientKey | None = None) -> bool:
        """A revoked key stays as it is."""
        revoked = isinstance(obj, ClientKey) and obj.revoked_at is not None
        return bool(super().has_change_permission(request, obj)) and not revoked

    # Making a key

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        made = self.made_before(request)
        if made is not None:
            text = (
                "This key has already been created. A key is shown only once: if you have no copy, revoke it and create another."
            )
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(page_of(made))
        only_save = {"show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().add_view(
            request, form_url, {**(extra_context or {}), **only_save, "title": "New client key"}
        )
        return response

    def made_before(self, request: HttpRequest) -> ClientKey | None:
        try:
            key_id = uuid.UUID(request.POST.get("key_id", ""))
        except ValueError:
            return None
        return ClientKey.objects.filter(pk=key_id).first() if self.has_add_permission(request) else None

    @sensitive_variables("key")
    def save_model(self, request: HttpRequest, obj: ClientKey, form: ClientKeyForm, change: bool) -> None:
        if not change:
            key, obj.public_id = keys.generate()
            obj.pk = form.cleaned_data.get("key_id") or obj.pk
            obj.key_hash, obj.last_four = keys.hash_key(key), key[-4:]
            self.remember(obj, Secret(key))
        super().save_model(request, obj, form, change)

    @staticmethod
    def remember(obj: ClientKey, key: Secret) -> None:
        """For the rest of this request: the row in memory, which is rendered next, is the only place that knows the key."""
        vars(obj)["shown_once"] = key

    def response_add(self, request: HttpRequest, obj: ClientKey, post_url_continue: str | None = None) -> HttpResponse:
        """The page with the key is the answer to the form itself: no session, cookie, address or message ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": obj.name,
            "key": vars(obj)["shown_once"],
            "base_url": request.build_absolute_uri("/v1"),
            "example": example_body(obj),
            "list_url": "../",
        }
        response = TemplateResponse(request, "models_catalog/client_key_created.html", context)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        return response

    # Lists

    @admin.display(description="Key")
    def key(self, row: ClientKey) -> SafeString:
        return html.mono(shown(row))

    @admin.display(description="State")
    def state(self, row: ClientKey) -> SafeString:
        return html.tag(*status(row))

    @admin.display(description="Models")
    def may_use(self, row: ClientKey) -> SafeString:
        return html.muted("all") if row.all_models else html.tags(model.name for model in row.allowed_models.all())

    # Revoking

    @admin.action(description="Revoke, for good", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ClientKey]) -> None:
        active = list(rows.filter(revoked_at__isnull=True))
        for row in active:
            self.revoke_row(request, row)
        self.message_user(request, f"{len(active)} revoked.")

    @ui.dialog(
        title="Revoke",
        text="The key is refused from now on. This cannot be undone.",
        submit="Revoke the key",
        icon="block",
        permission="revoke",
        form=ui.DialogForm,
    )
    def revoke_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        self.revoke_row(request, row)
        self.message_user(request, f"{row.name} is revoked.")
        return ui.go_to(page_of(row))

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.has_change_permission(request, self.get_object(request, object_id) if object_id else None)

    def revoke_row(self, request: HttpRequest, row: ClientKey) -> None:
        keys.revoke_client_key(row)
        self.log_change(request, row, "Revoked.")

    def switch(self, request: HttpRequest, rows: QuerySet[ClientKey], *, on: bool) -> None:
        super().switch(request, rows.filter(revoked_at__isnull=True), on=on)


def example_body(row: ClientKey) -> str:
    """A request for a model that the key may use; safe between single quotes in a shell."""
    usable = ModelDefinition.objects.filter(enabled=True) if row.all_models else row.allowed_models.filter(enabled=True)
    model = usable.values_list("name", flat=True).first() or "MODEL"
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]}).replace("'", r"\u0027")
