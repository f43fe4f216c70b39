"""The page of models: what clients ask for, and the routes that serve it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from models_catalog import validation
from models_catalog.abilities import is_on, unserved
from models_catalog.admin import health, html, model_columns, model_tabs, ui
from models_catalog.admin.config_upload import ConfigUpload
from models_catalog.admin.drafting import DraftingAdmin
from models_catalog.admin.duplicate import duplicate, free_name
from models_catalog.admin.filling import FillableAdmin
from models_catalog.admin.health import label
from models_catalog.admin.problems import page_of, rows_shown
from models_catalog.admin.purging import PurgingAdmin
from models_catalog.admin.rule_forms import ON_MODELS
from models_catalog.admin.rule_inlines import INLINES as RULES
from models_catalog.admin.tenancy import reach_of
from models_catalog.admin.testing import TestableAdmin
from models_catalog.admin.versions import VersionedAdmin
from models_catalog.compiler.targets import groups_of, timeouts_of
from models_catalog.models import Fallback, ModelDefinition, Provider, Route
from models_catalog.models.columns import PRICE, columns_of
from models_catalog.models.model import PRICES
from models_catalog.snapshot import STAR
from providers.capabilities import Capability
from providers.registry import provider_types

ARROW = format_html('<span aria-hidden="true">{}</span>', "→")
BESIDE = format_html('<span title="{}">{}</span>', "shares with", "+")


def capability_choices(stored: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What some kind of provider can do, and what a row says already."""
    offered = {name for known in provider_types() for name in known.capabilities} | set(stored)
    return [(name.value, label(name)) for name in Capability if name in offered]


class ModelDefinitionForm(ui.ModelForm):
    capabilities = forms.MultipleChoiceField(widget=ui.Checkboxes(), initial=validation.default_capabilities)

    class Meta:
        model = ModelDefinition
        exclude = ("fallback_models",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        capabilities = self.fields.get("capabilities")
        if isinstance(capabilities, forms.MultipleChoiceField):
            capabilities.choices = capability_choices(self.instance.capabilities)
        for column in columns_of(ModelDefinition):
            if column.kind is PRICE and self.initial.get(column.name) is not None:
                self.initial[column.name] = without_zeros(self.initial[column.name])
        for phase in ("connect", "first_byte", "idle", "total"):
            if field := self.fields.get(f"{phase}_timeout_s"):
                field.widget.attrs["placeholder"] = _usual(phase)


def _usual(phase: str) -> str:
    """The time-out of a model that has none of its own."""
    usual = timeouts_of(ModelDefinition())
    streamed, whole = (f"{getattr(kind, phase):g}" for kind in (usual.streamed, usual.whole))
    return streamed if streamed == whole else f"{streamed} streamed, {whole} whole"


def without_zeros(price: Decimal) -> Decimal:
    """2.5, not 2.500000."""
    whole = price.to_integral_value()
    return whole if price == whole else price.normalize()


class DuplicateForm(ui.DialogForm):
    name = forms.CharField(max_length=200, widget=ui.TextInput(), validators=[validation.check_name])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source = ModelDefinition.objects.filter(pk=self.object_id).first()
        if self.source is not None:
            self.fields["name"].initial = free_name(self.source)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if ModelDefinition.objects.filter(name=name).exists():
            raise ValidationError("A model with this name already exists.", code="unique")
        return name


class CapabilityFilter(admin.SimpleListFilter):
    title = "capability"
    parameter_name = "capability"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return capability_choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(capabilities__icontains=f'"{chosen}"') if chosen in list(Capability) else queryset


class ProviderFilter(admin.SimpleListFilter):
    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Provider.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(routes__provider_id=int(chosen)).distinct() if chosen and chosen.isdecimal() else queryset


@admin.register(ModelDefinition)
class ModelDefinitionAdmin(DraftingAdmin, FillableAdmin, ConfigUpload, VersionedAdmin, PurgingAdmin, TestableAdmin):
    form = ModelDefinitionForm
    change_form_template = "models_catalog/model_form.html"
    empty_icon = "hub"
    empty_text = "A model is a name that clients request, and the providers that serve it, in the order they are tried."
    inlines = tuple(model_tabs.INLINES)
    list_display = ("name", "state", "can", "chain", "health", "price")
    list_filter = ("enabled", CapabilityFilter, ProviderFilter)
    search_fields = ("name", "routes__upstream_model", "routes__provider__name")
    search_help_text = "Name, upstream model or provider"
    actions = ("enable", "disable", "duplicate_selected", "test_selected", "purge_cached")
    actions_detail = ("duplicate_one", "test_one")
    actions_row = ("test_one", "duplicate_one", "enable_one", "disable_one")
    fieldsets = model_tabs.fieldsets()

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelDefinition]:
        rows: QuerySet[ModelDefinition] = super().get_queryset(request)
        named = Prefetch("fallbacks", Fallback.objects.select_related("fallback"))
        return rows.prefetch_related("routes__provider", "routes__checks", named, "price_list")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        *shown, problems = super().get_list_display(request)
        return [*shown, model_columns.used(request, lambda: rows_shown(request)), problems]

    def get_inlines(self, request: HttpRequest, obj: ModelDefinition | None) -> list[Any]:
        """What would bound all tenants is not for the operators of some."""
        shown = super().get_inlines(request, obj)
        return [one for one in shown if reach_of(request) is None or one not in RULES["model"]]

    def get_fieldsets(self, request: HttpRequest, obj: ModelDefinition | None = None) -> Any:
        told = super().get_fieldsets(request, obj)
        if reach_of(request) is None:
            return told
        return [(title, {**parts, "description": ON_MODELS} if title == PRICES else parts) for title, parts in told]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        more = model_tabs.context(request, context, kwargs.get("obj"))
        response: HttpResponse = super().render_change_form(request, {**context, **more}, *args, **kwargs)
        return response

    @admin.display(description="State", ordering="enabled")
    def state(self, row: ModelDefinition) -> SafeString:
        switch = html.switch(row.enabled)
        if not row.name.endswith(STAR):
            return switch
        return html.row_of([switch, html.tag("wildcard", "", f"Any name that begins with {row.name[:-1]!r}")])

    @admin.display(description="Capabilities")
    def can(self, row: ModelDefinition) -> SafeString:
        lost = unserved(row)
        tags = [
            html.tag(f"{label(name)}, not served", "warn", "No enabled route supports it.")
            if name in lost
            else html.tag(label(name))
            for name in row.capabilities
        ]
        return html.row_of(tags)

    @admin.display(description="Last test")
    def health(self, row: ModelDefinition) -> SafeString:
        return health.of_model(row)

    @admin.display(description="Routes")
    def chain(self, row: ModelDefinition) -> SafeString:
        routes = list(row.routes.all())
        if not routes:
            return format_html("{} {}", html.tag("no routes", "warn"), model_columns.fallbacks(row))
        parts = [(BESIDE if shares else ARROW, link(route)) for route, shares in zip(routes, sharing(row, routes), strict=True)]
        (_, first), *others = parts
        chain = format_html('<span class="sb-chain">{}{}</span>', first, format_html_join("", "{}{}", others))
        return format_html("{} {}", chain, model_columns.fallbacks(row))

    @admin.display(description="Price")
    def price(self, row: ModelDefinition) -> SafeString:
        return model_columns.price(row)

    @admin.action(description="Duplicate", permissions=["add"])
    def duplicate_selected(self, request: HttpRequest, rows: QuerySet[ModelDefinition]) -> None:
        for row in rows:
            self.copy(request, row, free_name(row))
        self.message_user(request, f"{len(rows)} copied. The copies are disabled.")

    @ui.dialog(
        title="Duplicate",
        text="The copy has the same routes and fallbacks, and is disabled.",
        submit="Duplicate",
        icon="content_copy",
        permission="duplicate",
        form=DuplicateForm,
    )
    def duplicate_one(self, request: HttpRequest, form: DuplicateForm, object_id: str) -> HttpResponse:
        if form.source is None:
            raise Http404
        return ui.go_to(page_of(self.copy(request, form.source, form.cleaned_data["name"])))

    def has_duplicate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_add_permission(request))

    def copy(self, request: HttpRequest, source: ModelDefinition, name: str) -> ModelDefinition:
        copied = duplicate(source, name)
        self.log_addition(request, copied, f"Copied from {source.name}.")
        return copied


def sharing(model: ModelDefinition, routes: list[Route]) -> list[bool]:
    """Whether each route shares with the one above."""
    groups = groups_of(model, routes)
    above = [None, *(groups.get(route.pk) for route in routes)]
    return [group is not None and groups.get(route.pk) == group for group, route in zip(above, routes, strict=False)]


def link(route: Route) -> SafeString:
    """One route in the list; struck out if it is not tried."""
    off = not is_on(route)
    text = route.name if route.upstream_model == route.model.name else f"{route.name}: {route.upstream_model}"
    return format_html('<span class="{}" title="{}">{}</span>', "sb-off" if off else "", text, route.name)
