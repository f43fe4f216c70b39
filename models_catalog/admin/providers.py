"""The page of providers: an upstream account, its key, and what is added to every request."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, key_source, ui
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.models import Provider
from providers.registry import ProviderType, UnknownProviderType, provider_type, provider_types


def hint(known: ProviderType) -> str:
    """What the form says beneath the type."""
    parts = [
        f"Its key is usually in {known.key_variable}." if known.key_variable else "",
        "" if known.needs_key else "Needs no key.",
    ]
    if known.options:
        names = [f"{name} (required)" if name in known.required_options else name for name in known.options]
        parts.append(f"Options: {', '.join(names)}.")
    return " ".join(filter(None, parts))


class ProviderForm(ui.ModelForm):
    class Meta:
        model = Provider
        fields = ("name", "type", "enabled", "api_base", "credential", "extra_headers", "extra_body", "options")
        help_texts = {
            "type": format_html('<span id="{}"></span>', "provider-type-hint"),
            "api_base": "Empty: the address of the type. Give another one for a proxy, a region or your own server.",
        }


def type_label(name: str) -> str:
    try:
        return provider_type(name).label
    except UnknownProviderType:
        return f"{name} (unknown)"


@admin.register(Provider)
class ProviderAdmin(SwitchableAdmin):
    form = ProviderForm
    empty_icon = "dns"
    empty_text = "A provider is an account upstream: OpenAI, Azure, a server of your own. The type Dummy works without an account."
    list_display = ("name", "kind", "state", "key", "route_count")
    list_filter = ("enabled", "type")
    list_select_related = ("credential",)
    search_fields = ("name", "type", "api_base")
    search_help_text = "Name, type or address"
    readonly_fields = ("key",)
    change_form_after_template = "models_catalog/provider_types.html"
    fieldsets = (
        (None, {"fields": ("name", "type", "enabled", "api_base", "credential")}),
        ("Added to every request", {"fields": ("extra_headers", "extra_body", "options")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        rows: QuerySet[Provider] = super().get_queryset(request)
        return rows.annotate(routes_served=Count("routes"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        types = {known.name: {"api_base": known.api_base, "hint": hint(known)} for known in provider_types()}
        response: HttpResponse = super().render_change_form(request, {**context, "provider_types": types}, *args, **kwargs)
        return response

    @admin.display(description="Type", ordering="type")
    def kind(self, row: Provider) -> str:
        return type_label(row.type)

    @admin.display(description="State", ordering="enabled")
    def state(self, row: Provider) -> SafeString:
        return html.switch(row.enabled)

    @admin.display(description="Key")
    def key(self, row: Provider) -> SafeString:
        return key_source.of_provider(row).html()

    @admin.display(description="Routes", ordering="routes_served")
    def route_count(self, row: Provider) -> int:
        return int(getattr(row, "routes_served", 0))
