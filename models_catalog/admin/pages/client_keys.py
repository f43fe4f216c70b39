"""The page of client keys: made here, shown once in the answer to the form, known afterwards by their ends only."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from models_catalog import keys
from models_catalog.admin import html, ui
from models_catalog.admin.client_key_form import ACCESS, BEHAVIOUR, EXPIRY, OWNER, ClientKeyForm, OwnedKeyForm
from models_catalog.admin.fields import ExpiryField
from models_catalog.admin.key_uploads import ClientKeyUpload
from models_catalog.admin.once import OnceAdmin
from models_catalog.admin.pages.projects import may_use
from models_catalog.admin.problems import page_of
from models_catalog.admin.purging import PurgingAdmin
from models_catalog.admin.rotating import RotatingAdmin
from models_catalog.admin.rule_inlines import INLINES
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.tenancy import reach_of, visible
from models_catalog.admin.use import UsedAdmin
from models_catalog.models import ClientKey, ModelDefinition, Tenant
from providers.types import Secret

OWNERS = frozenset({"project__id__exact", "person__id__exact"})
"""By what other pages lead to the list."""


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


class TenantFilter(admin.SimpleListFilter):
    """By the tenant of the key's project, or of its person."""

    title = parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            *((str(pk), name) for pk, name in visible(request, Tenant.objects.all()).values_list("pk", "name")),
            ("none", "None"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen == "none":
            return queryset.filter(project=None, person=None)
        return queryset.filter(Q(project__tenant=chosen) | Q(project=None, person__tenant=chosen))


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
class ClientKeyAdmin(OnceAdmin, UsedAdmin, RotatingAdmin, PurgingAdmin, ClientKeyUpload, SwitchableAdmin):
    form = ClientKeyForm
    formfield_overrides = {
        **SwitchableAdmin.formfield_overrides,
        DateTimeField: {"form_class": ExpiryField, "widget": ui.DateTime},
    }
    empty_icon = "key"
    empty_text = "Programs call the gateway with a client key. It is shown once, when it is created."
    list_display = ("name", "key", "state", "owner", "may_use", "used", "expires_at", "last_used_at", "created_at")
    list_filter = (StatusFilter, TenantFilter, "all_models", "record_bodies")
    search_fields = ("name", "public_id", "project__name", "person__name", "origin")
    search_help_text = "Name, public id, project, person or origin"
    autocomplete_fields = ("project", "person", "allowed_models", "access_groups")
    readonly_fields = (
        "key",
        "state",
        "owner",
        "traffic",
        "counted_with",
        "origin",
        "labels_",
        "created_at",
        "last_used_at",
        "revoked_at",
    )
    actions = ("enable", "disable", "revoke", "purge_cached")
    actions_detail = ("rotate_one", "revoke_one")
    conditional_fields = {
        "allowed_models": "typeof all_models === 'undefined' || !all_models",
        "access_groups": "typeof all_models === 'undefined' || !all_models",
    }
    add_fieldsets = (
        (None, {"fields": ("name", *OWNER, *EXPIRY, "form_id")}),
        ("Access", {"fields": ACCESS}),
        ("Behaviour", {"fields": BEHAVIOUR}),
    )
    fieldsets = (
        (None, {"fields": ("name", "enabled", *OWNER, *EXPIRY)}),
        ("Access", {"fields": ACCESS}),
        ("Behaviour", {"fields": BEHAVIOUR}),
        ("State", {"fields": readonly_fields}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientKey]:
        rows: QuerySet[ClientKey] = super().get_queryset(request)
        return rows.select_related("project__tenant", "person__tenant").prefetch_related("allowed_models", "access_groups")

    def get_form(self, request: HttpRequest, obj: ClientKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Who sees the keys of some tenants only makes keys for projects of theirs."""
        form = ClientKeyForm if reach_of(request) is None else OwnedKeyForm
        return super().get_form(request, obj, change, **{"form": form, **kwargs})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in OWNERS or bool(super().lookup_allowed(lookup, value, request))

    def has_change_permission(self, request: HttpRequest, obj: ClientKey | None = None) -> bool:
        """A revoked key stays as it is."""
        revoked = isinstance(obj, ClientKey) and obj.revoked_at is not None
        return bool(super().has_change_permission(request, obj)) and not revoked

    def get_inlines(self, request: HttpRequest, obj: ClientKey | None) -> Any:
        """A key is made without limits: the answer to that form shows the key, and nothing else. One that has replaced another is
        counted with it, and the rules of both stand on the page of that one."""
        return () if obj is None or obj.lineage else INLINES["client_key"]

    # Making a key

    @sensitive_variables("key")
    def save_model(self, request: HttpRequest, obj: ClientKey, form: ClientKeyForm, change: bool) -> None:
        if not change:
            key, obj.public_id = keys.generate()
            obj.key_hash, obj.last_four = keys.hash_key(key), key[-4:]
            self.remember(obj, Secret(key))
        super().save_model(request, obj, form, change)

    @staticmethod
    def remember(obj: ClientKey, key: Secret) -> None:
        """For the rest of this request: the row in memory, which is rendered next, is the only place that knows the key."""
        vars(obj)["shown_once"] = key

    def response_add(self, request: HttpRequest, obj: ClientKey, post_url_continue: str | None = None) -> HttpResponse:
        return self.shown_once(request, obj, vars(obj)["shown_once"], "../")

    def shown_once(self, request: HttpRequest, obj: ClientKey, key: Secret, list_url: str = "../../") -> HttpResponse:
        """The page with the key is the answer to the form itself: no session, cookie, address or message ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": obj.name,
            "key": key,
            "base_url": request.build_absolute_uri("/v1"),
            "example": example_body(obj),
            "list_url": list_url,
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
        return may_use(row)

    @admin.display(description="Owner", ordering="project__name")
    def owner(self, row: ClientKey) -> SafeString:
        """Tenant, project and person."""
        of = row.project or row.person
        if of is None:
            return html.muted("none")
        names = [of.tenant.name, *(one.name for one in (row.project, row.person) if one is not None)]
        return format_html('<span class="sb-owner">{}</span>', " / ".join(names))

    @admin.display(description="Limits and budgets")
    def counted_with(self, row: ClientKey) -> SafeString:
        """Where the rules of a key stand that has replaced another."""
        if not row.lineage:
            return html.muted("its own, below")
        page = reverse("admin:models_catalog_clientkey_change", args=[row.lineage])
        return format_html('<a class="sb-link" href="{}">those of the key that it has replaced</a>', page)

    @admin.display(description="Labels")
    def labels_(self, row: ClientKey) -> SafeString:
        return html.tags(f"{name}: {value}" for name, value in row.labels.items()) if row.labels else html.muted("none")

    # Revoking

    @admin.action(description="Revoke, for good", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ClientKey]) -> None:
        active = list(self.own(rows).filter(revoked_at__isnull=True))
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
