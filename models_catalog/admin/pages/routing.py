"""Which rows make up a model's routing? Its routes and its fallback models, both in order, checked as a whole."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from models_catalog import validation
from models_catalog.admin import health, html, ui
from models_catalog.admin.ordering import OrderedFormSet
from models_catalog.models import Fallback, ModelDefinition, Route


class RouteForm(ui.ModelForm):
    class Meta:
        model = Route
        fields = ("provider", "upstream_model", "name", "enabled", "position")
        widgets = {
            "upstream_model": ui.TextInput(attrs={"placeholder": "as the model"}),
            "name": ui.TextInput(attrs={"placeholder": "as the provider"}),
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("name") and data.get("provider"):
            data["name"] = data["provider"].name
        return data


class RouteFormSet(OrderedFormSet):
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


class RoutingInline(ui.SortableInline):
    """Part of the model: who may change the model may change it."""

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


class RouteInline(RoutingInline):
    model = Route
    form = RouteForm
    formset = RouteFormSet
    verbose_name_plural = "Routes, in the order they are tried"
    fields = ("provider", "upstream_model", "name", "enabled", "serves", "position")
    readonly_fields = ("serves",)

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
