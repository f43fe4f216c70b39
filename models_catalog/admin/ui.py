"""Which parts of unfold does the admin use? The only module of this package that knows the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpResponse
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.admin import TabularInline as UnfoldTabularInline
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, BaseDialogForm, PaginationInlineFormSet, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
    UnfoldBooleanWidget,
)

from models_catalog.admin.fields import JSONObjectField
from models_catalog.admin.odd_input import CarefulAdmin
from models_catalog.admin.tenancy import Scoped, ScopedPage

__all__ = [
    "AdminPasswordChangeForm",
    "Checkbox",
    "Checkboxes",
    "DateTime",
    "DialogForm",
    "InlineFormSet",
    "JSONEditor",
    "Lines",
    "ModelAdmin",
    "ModelForm",
    "Number",
    "SecretInput",
    "Select",
    "SortableInline",
    "Switch",
    "TabularInline",
    "TextInput",
    "UserChangeForm",
    "UserCreationForm",
    "action",
    "dialog",
    "go_to",
]

TextInput = UnfoldAdminTextInputWidget
Number = UnfoldAdminIntegerFieldWidget
Select = UnfoldAdminSelectWidget
Switch = UnfoldBooleanSwitchWidget
Checkbox = UnfoldBooleanWidget
DateTime = UnfoldAdminSplitDateTimeWidget
Handler = TypeVar("Handler", bound=Callable[..., Any])


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model form; Django's own is generic for the type checker only."""


class InlineFormSet(PaginationInlineFormSet, forms.BaseInlineFormSet):  # type: ignore[misc, type-arg]
    """The formset of an inline. Each input of a table has a label of its own, which names its row."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:  # type: ignore[type-arg]
        super().add_fields(form, index)
        row = "new row" if index is None else f"row {index + 1}"
        for name, field in form.fields.items():
            widget: Any = getattr(field.widget, "widget", field.widget)  # that of a relation is wrapped
            widget.attrs["aria-label"] = f"{field.label or name.replace('_', ' ').capitalize()}, {row}"


class DialogForm(BaseDialogForm, forms.Form):  # type: ignore[misc]
    """What a dialog asks for before an action runs. Opened by GET, run by POST."""


def dialog(
    *, title: str, text: str, submit: str, icon: str, permission: str, form: type[DialogForm]
) -> Callable[[Handler], Handler]:
    """Makes a method of an admin an action that asks first. It gets the request, the valid form and the `object_id`, and
    must answer with `go_to`. `permission` names the admin's method `has_<permission>_permission(request, object_id)`."""
    asks = {"title": title, "description": text, "form_class": form, "form_submit_text": submit}
    decorate: Callable[[Handler], Handler] = action(description=title, icon=icon, permissions=[permission], dialog=asks)
    return decorate


def go_to(url: str) -> HttpResponse:
    """Ends a dialog: the browser goes to another page."""
    return HttpResponse(headers={"HX-Redirect": url})


class SecretInput(UnfoldAdminPasswordWidget, forms.PasswordInput):  # type: ignore[misc]
    """An input for a secret: it never renders a value, and browsers do not offer to remember it."""

    def __init__(self, placeholder: str = "") -> None:
        attrs = {"autocomplete": "new-password", "spellcheck": "false", "placeholder": placeholder, "data-1p-ignore": "true"}
        super().__init__(attrs, render_value=False)


class Checkboxes(UnfoldAdminCheckboxSelectMultipleWidget, forms.CheckboxSelectMultiple):  # type: ignore[misc]
    """One check box for each choice."""


class JSONEditor(UnfoldAdminTextareaWidget, forms.Textarea):  # type: ignore[misc]
    """A text area for JSON, indented and in a fixed-width font."""

    def __init__(self) -> None:
        super().__init__(attrs={"class": "sb-code", "rows": 3, "spellcheck": "false"})


class Lines(UnfoldAdminTextareaWidget, forms.Textarea):  # type: ignore[misc]
    """A text area for texts, one a line."""

    def __init__(self) -> None:
        super().__init__(attrs={"class": "sb-code", "rows": 3, "spellcheck": "false"})


class ModelAdmin(CarefulAdmin, ScopedPage, UnfoldModelAdmin, admin.ModelAdmin):  # type: ignore[misc, type-arg]
    """The base of every page: labels beside the fields, a warning before unsaved changes are lost."""

    change_list_template = "models_catalog/list.html"
    empty_icon = "inbox"
    empty_text = ""
    """What an empty list says of what belongs into it."""
    compressed_fields = True
    warn_unsaved_form = True
    list_filter_submit = False
    list_per_page = 50
    list_max_show_all = 200
    formfield_overrides = {models.JSONField: {"form_class": JSONObjectField, "widget": JSONEditor}}


class TabularInline(Scoped, UnfoldTabularInline, admin.TabularInline):  # type: ignore[misc, type-arg]
    """Rows that belong to that of a page."""

    extra = 0
    formset = InlineFormSet
    if hasattr(UnfoldTabularInline, "show_title"):
        show_title = False
    else:
        hide_title = True


class SortableInline(TabularInline):
    """Rows that are dragged into their order, which is kept in `position`."""

    ordering_field = "position"
    hide_ordering_field = True
