"""Which prices has a model? The rows of its price list, in a tab of its page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, JSONField, QuerySet
from django.http import HttpRequest

from models_catalog.admin import ui
from models_catalog.admin.fields import JSONObjectField
from models_catalog.admin.pages.routing import RoutingRights
from models_catalog.models import ModelDefinition, Price


class PriceForm(ui.ModelForm):
    class Meta:
        model = Price
        fields = ("effective_from", "route", "service_tier", "rates", "source")
        widgets = {
            "service_tier": ui.TextInput(attrs={"placeholder": "standard"}),
            "source": ui.TextInput(attrs={"placeholder": "yours"}),
        }


class PriceFormSet(ui.InlineFormSet):
    def add_fields(self, form: forms.ModelForm[Any], index: int | None) -> None:
        super().add_fields(form, index)
        choices = form.fields["route"]
        if isinstance(choices, forms.ModelChoiceField) and choices.queryset is not None:
            choices.queryset = choices.queryset.filter(model_id=self.instance.pk)
            choices.empty_label = "every route"

    def clean(self) -> None:
        """No two prices are of the same route and tier and begin at the same moment: nobody could say which holds."""
        seen = set()
        for form in self.forms:
            data = getattr(form, "cleaned_data", None)
            if not data or data.get("DELETE") or not form.has_changed():
                if form.instance.pk and not (data and data.get("DELETE")):
                    seen.add(_key(vars(form.instance), form.instance.route_id))
                continue
            key = _key(data, data["route"].pk if data.get("route") else None)
            if key in seen:
                form.add_error("effective_from", ValidationError("There is another price for this moment.", code="unique"))
            seen.add(key)


def _key(values: dict[str, Any], route: int | None) -> tuple[Any, Any, Any]:
    return route, values.get("effective_from"), values.get("service_tier") or ""


class PriceInline(RoutingRights, ui.TabularInline):
    """Part of the model: who may change the model may change it."""

    model = Price
    form = PriceForm
    formset = PriceFormSet
    verbose_name_plural = "Price list"
    fields = ("effective_from", "route", "service_tier", "rates", "source")
    formfield_overrides = {
        JSONField: {"form_class": JSONObjectField, "widget": ui.JSONEditor},
        DateTimeField: {"form_class": forms.SplitDateTimeField, "widget": ui.DateTime},
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        rows: QuerySet[Price] = super().get_queryset(request)
        return rows.select_related("model", "route")

    def get_extra(self, request: Any, obj: ModelDefinition | None = None, **kwargs: Any) -> int:
        return 0
