"""Which rows make up a model's routing? Its routes and its fallback models, both in order, checked as a whole."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from models_catalog import validation
from models_catalog.admin import health, html, ui
from models_catalog.admin.ordering import OrderedFormSet
from models_catalog.models import Fallback, ModelDefinition, Route

NUMBERS = {"weight": "1", "rpm": "any", "tpm": "any", "max_concurrent": "any"}
"""Fields of few digits, and what they say when they are empty."""


class RouteForm(ui.ModelForm):
    class Meta:
        model = Route
        fields = ("provider", "upstream_model", "name", "enabled", "shares", *NUMBERS, "position")
        labels = {"shares": "Shares", "weight": "Weight", "rpm": "RPM", "tpm": "TPM", "max_concurrent": "At once"}
        widgets = {
            "upstream_model": ui.TextInput(attrs={"placeholder": "as the model"}),
            "name": ui.TextInput(attrs={"placeholder": "as the provider"}),
            **{name: ui.Number(attrs={"class": "sb-narrow", "placeholder": text}) for name, text in NUMBERS.items()},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        weight = self.fields["weight"]
        weight.required, weight.initial = False, None
        weight.widget.attrs["step"] = "any"
        given = self.initial.pop("weight", None)
        if given is not None and self.instance.pk:  # a new row is only what somebody has entered
            self.initial["weight"] = int(given) if given == int(given) else given

    def clean_weight(self) -> float:
        """Left empty, a route counts like any other."""
        given = self.cleaned_data.get("weight")
        return 1.0 if given is None else float(given)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("name") and data.get("provider"):
            data["name"] = data["provider"].name
        return data


class RouteFormSet(OrderedFormSet):
    @cached_property
    def providers(self) -> list[Any]:
        """What each row offers, asked once."""
        field = self.form.base_fields["provider"]
        return list(field.widget.choices) if isinstance(field, forms.ModelChoiceField) else []

    def add_fields(self, form: forms.ModelForm[Any], index: int | None) -> None:
        super().add_fields(form, index)
        if isinstance(choices := form.fields.get("provider"), forms.ModelChoiceField):
            choices.choices = self.providers

    def clean(self) -> None:
        if any(self.errors):
            return
        routes = self.kept()
        names = [form.cleaned_data["name"] for form in routes]
        validation.check_routing(names[:1], enabled=self.instance.enabled)
        blame_rows(routes, "name", lambda count: validation.check_routing(names[:count]))


class FallbackFormSet(OrderedFormSet):
    def add_fields(self, form: forms.ModelForm[Any], index: int | None) -> None:
        super().add_fields(form, index)
        choices = form.fields["fallback"]
        if isinstance(choices, forms.ModelChoiceField) and choices.queryset is not None:
            choices.queryset = choices.queryset.exclude(pk=self.instance.pk)

    def clean(self) -> None:
        if any(self.errors) or not self.has_changed():  # an imported circle does no harm
            return
        rows = self.kept()
        names = [form.cleaned_data["fallback"].name for form in rows]
        graph = fallbacks_of_all(self.instance)
        blame_rows(rows, "fallback", lambda count: validation.check_fallbacks(self.instance.name, names[:count], graph))


def blame_rows(rows: list[forms.ModelForm[Any]], field: str, check: Any) -> None:
    """Shows an error of the whole at the first row with which it appears; `check` gets the number of rows to look at."""
    for index, form in enumerate(rows):
        try:
            check(index + 1)
        except ValidationError as err:
            form.add_error(field, err)
            return


def fallbacks_of_all(edited: ModelDefinition) -> dict[str, list[str]]:
    """The names of every model's fallbacks, in order; the edited model under the name that it is about to get."""
    rows = Fallback.objects.order_by("position", "pk").values_list("model_id", "model__name", "fallback_id", "fallback__name")
    graph: dict[str, list[str]] = {}
    for model_id, model, fallback_id, fallback in rows:
        names = [edited.name if pk == edited.pk else name for pk, name in ((model_id, model), (fallback_id, fallback))]
        graph.setdefault(names[0], []).append(names[1])
    return graph


class RoutingRights:
    """Rows that are part of the model: who may change the model may change them."""

    def may(self, request: HttpRequest, verb: str) -> bool:
        return request.user.has_perm(f"models_catalog.{verb}_modeldefinition")

    def has_view_permission(self, request: HttpRequest, obj: ModelDefinition | None = None) -> bool:
        return self.may(request, "view") or self.may(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: ModelDefinition | None = None) -> bool:
        return self.may(request, "add" if obj is None else "change")

    def has_change_permission(self, request: HttpRequest, obj: ModelDefinition | None = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ModelDefinition | None = None) -> bool:
        return self.has_add_permission(request, obj)


class RoutingInline(RoutingRights, ui.SortableInline):
    """Rows in their order."""


REST = ("upstream_model", "name", "enabled", "shares", *NUMBERS, "serves", "position")
"""What is shown of a route besides its provider."""


class RouteInline(RoutingInline):
    model = Route
    form = RouteForm
    formset = RouteFormSet
    verbose_name_plural = "Routes, in the order they are tried"
    fields = ("provider", *REST)
    readonly_fields = ("serves", "provider_")

    def get_fields(self, request: HttpRequest, obj: ModelDefinition | None = None) -> Any:
        """Where nothing can be changed, Django shows the provider as a link, also to those who may not follow it."""
        if self.has_change_permission(request, obj) or request.user.has_perm("models_catalog.view_provider"):
            return ["provider", *REST]
        return ["provider_", *REST]

    @admin.display(description="Provider")
    def provider_(self, row: Route) -> str:
        return str(row.provider)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        rows: QuerySet[Route] = super().get_queryset(request)
        return rows.select_related("provider", "model").prefetch_related("checks")

    @admin.display(description="Serves, when last tested")
    def serves(self, row: Route) -> SafeString:
        return health.of_route(row, row.model) if row.pk else html.muted("shown after saving")

    def get_extra(self, request: Any, obj: ModelDefinition | None = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0


class FallbackForm(ui.ModelForm):
    class Meta:
        model = Fallback
        fields = ("fallback", "position")
        labels = {"fallback": "Model"}


class FallbackInline(RoutingInline):
    model = Fallback
    form = FallbackForm
    fk_name = "model"
    formset = FallbackFormSet
    verbose_name_plural = "Fallback models, tried when all routes have failed"
    fields = ("fallback", "position")
