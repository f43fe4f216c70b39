"""The page of hooks: their order, whom they run for, and the options of each type as a form of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from models_catalog.admin import html
from models_catalog.admin.drafting import DraftingAdmin
from models_catalog.admin.hook_form import CLEAR, IN_TROUBLE, PREFIX, RUNS_FOR, HookForm, form_for, type_of
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.versions import VersionedAdmin
from models_catalog.hook_types import HookType, hook_types
from models_catalog.models import Hook


@admin.register(Hook)
class HookAdmin(DraftingAdmin, VersionedAdmin, SwitchableAdmin):
    form = HookForm
    empty_icon = "phishing"
    empty_text = "A hook sees requests and answers, and may change, refuse or record them: logs, guards, traces, webhooks."
    list_display = ("name", "kind", "enabled", "runs_for")
    list_editable = ("enabled",)
    ordering_field = "position"
    hide_ordering_field = True
    ordering = ("position", "name")
    list_filter = ("enabled", "type")
    search_fields = ("name", "type")
    search_help_text = "Name or type"
    autocomplete_fields = ("client_keys",)
    readonly_fields = ("kind", "does", "options_shown", "created_at", "updated_at")
    conditional_fields = {"client_keys": "typeof all_client_keys === 'undefined' || !all_client_keys"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hook]:
        rows: QuerySet[Hook] = super().get_queryset(request)
        return rows.prefetch_related("client_keys")

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    # Choosing a type, then the form of that type

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.chosen(request) is None:
            return self.choose(request)
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def chosen(self, request: HttpRequest) -> HookType | None:
        known = hook_types().get(request.GET.get("type", ""))
        return None if known is None or known.fault else known

    def choose(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Add hook",
            "types": sorted(hook_types().values(), key=lambda known: (bool(known.fault), known.name)),
        }
        return TemplateResponse(request, "models_catalog/hook_types.html", context)

    def get_form(self, request: HttpRequest, obj: Hook | None = None, change: bool = False, **kwargs: Any) -> Any:
        known = (self.chosen(request) or HookType("")) if obj is None else type_of(obj.type)
        if obj is not None and not self.has_change_permission(request, obj):
            known = HookType(obj.type)
        return super().get_form(request, obj, change, **{**kwargs, "form": form_for(known, obj)})

    def get_fieldsets(self, request: HttpRequest, obj: Hook | None = None) -> Any:
        may_change = obj is None or self.has_change_permission(request, obj)
        known = (self.chosen(request) or HookType("")) if obj is None else type_of(obj.type)
        fields = form_for(known, obj).base_fields if may_change and not known.fault else {}
        options = [name for name in fields if name.startswith((PREFIX, CLEAR))]
        shown = ("options_shown",) if obj is not None and not options and (obj.options or obj.secrets) else ()
        sections: list[Any] = [(None, {"fields": ("kind", "does", "name", "enabled", "position")})]
        if options or shown:
            sections.append(("Options", {"fields": (*options, *shown)}))
        sections.append(("Runs for", {"fields": RUNS_FOR}))
        sections.append(("In trouble", {"fields": IN_TROUBLE}))
        if obj is not None:
            sections.append(("State", {"fields": ("created_at", "updated_at")}))
        return sections

    # What is shown

    @admin.display(description="Type", ordering="type")
    def kind(self, row: Hook) -> SafeString:
        known = type_of(row.type)
        if known.fault:
            return html.row_of([html.mono(row.type), html.tag("not available", "bad", known.fault)])
        return html.mono(row.type)

    @admin.display(description="What it does")
    def does(self, row: Hook) -> str:
        known = type_of(row.type)
        return known.summary or known.fault or "-"

    @admin.display(description="Runs for")
    def runs_for(self, row: Hook) -> SafeString:
        keys = [] if row.all_client_keys else [f"key {key.name}" for key in row.client_keys.all()] or ["no key"]
        found = [*row.model_names, *keys]
        return html.tags(found) if found else html.muted("everything")

    @admin.display(description="Options")
    def options_shown(self, row: Hook) -> SafeString:
        texts = [f"{name}: {value}" for name, value in row.options.items()]
        return html.tags([*texts, *(f"{name}: set" for name in row.secret_names())])
