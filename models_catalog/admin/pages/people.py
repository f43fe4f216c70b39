"""The page of people: who has keys, with which account they sign in at /me, and what they may do there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.admin.counting import counted
from models_catalog.admin.rule_inlines import INLINES
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.use import UsedAdmin
from models_catalog.models import ClientKey, Person


class PersonForm(ui.ModelForm):
    class Meta:
        model = Person
        fields = ("tenant", "name", "email", "user", "enabled", "may_make_keys", "projects", "most_keys")
        labels = {"user": "Account", "most_keys": "Keys at most"}
        help_texts = {
            "user": "The account with which the person signs in at /me. It need not be staff.",
            "most_keys": "Keys in force that the person may have by making them at /me.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        tenant, projects = data.get("tenant"), data.get("projects")
        if tenant and projects and (others := [str(project.name) for project in projects if project.tenant_id != tenant.pk]):
            self.add_error("projects", f"Not of this tenant: {', '.join(others)}.")
        if data.get("may_make_keys") and not projects and "projects" not in self.errors:
            self.add_error("projects", "Choose the projects for which the person may make keys.")
        return data


@admin.register(Person)
class PersonAdmin(UsedAdmin, SwitchableAdmin):
    form = PersonForm
    empty_icon = "badge"
    empty_text = "A person has keys. Limits and budgets of a person count all of them together."
    inlines = INLINES["person"]
    list_display = ("name", "tenant", "state", "email", "account", "self_service", "number_of_keys", "used")
    list_display_links = ("name",)
    ordering = ("name",)
    list_filter = ("enabled", "tenant", "may_make_keys")
    search_fields = ("name", "email", "tenant__name", "user__username")
    search_help_text = "Name, mail, account, or the name of the tenant"
    autocomplete_fields = ("tenant", "user", "projects")
    readonly_fields = ("traffic", "keys_", "created_at")
    fieldsets = (
        (None, {"fields": ("tenant", "name", "email", "enabled")}),
        ("Self-service", {"fields": ("user", "may_make_keys", "projects", "most_keys")}),
        ("State", {"fields": ("traffic", "keys_", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        rows: QuerySet[Person] = super().get_queryset(request)
        active = Q(enabled=True, revoked_at__isnull=True)
        return rows.select_related("tenant", "user").annotate(active_keys=counted(ClientKey, "person", active))

    def get_fieldsets(self, request: HttpRequest, obj: Person | None = None) -> Any:
        found = super().get_fieldsets(request, obj)
        return found[:-1] if obj is None else found

    @admin.display(description="State", ordering="enabled")
    def state(self, row: Person) -> SafeString:
        return html.switch(row.enabled)

    @admin.display(description="Account", ordering="user__username")
    def account(self, row: Person) -> SafeString:
        return html.mono(row.user.get_username()) if row.user else html.muted("none")

    @admin.display(description="At /me")
    def self_service(self, row: Person) -> SafeString:
        if row.user is None:
            return html.muted("no")
        return html.tag(f"makes up to {row.most_keys} keys", "good") if row.may_make_keys else html.tag("sees and revokes")

    @admin.display(description="Keys", ordering="active_keys")
    def number_of_keys(self, row: Person) -> int:
        return int(getattr(row, "active_keys"))  # noqa: B009 - an annotation, which the type does not know

    @admin.display(description="Keys")
    def keys_(self, row: Person) -> SafeString:
        page = reverse("admin:models_catalog_clientkey_changelist")
        return format_html(
            '<a class="sb-link" href="{}?person__id__exact={}">{} in force</a>', page, row.pk, self.number_of_keys(row)
        )
