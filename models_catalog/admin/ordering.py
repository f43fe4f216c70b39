"""In which order are the rows of a sortable inline saved? As dragged, numbered from 0, new rows last."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model

from models_catalog.admin import ui


class OrderedFormSet(ui.InlineFormSet):
    """Rows with a `position`. A new row's own position is not read: the page cannot know it."""

    def add_fields(self, form: forms.ModelForm[Any], index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["position"].required = False
        form.fields["position"].disabled = index is None or index >= self.initial_form_count()

    def kept(self) -> list[forms.ModelForm[Any]]:
        """The forms whose rows will exist after saving, in their order; only for a formset without errors in its forms."""
        live = [form for form in self.forms if not (self.can_delete and self._should_delete_form(form))]
        saved = [form for form in live if form in self.initial_forms]
        new = [form for form in live if form not in self.initial_forms and form.has_changed()]
        return [*sorted(saved, key=position_of), *new]

    def save(self, commit: bool = True) -> list[Model]:
        ordered = self.kept()
        for position, form in enumerate(ordered):
            form.instance.position = position
        rows: list[Model] = super().save(commit)
        if commit:
            for form in ordered:
                if form in self.initial_forms and not form.has_changed() and form.instance.position != form.initial["position"]:
                    form.instance.save(update_fields=["position"])
        return rows


def position_of(form: forms.ModelForm[Any]) -> int:
    asked = form.cleaned_data.get("position")
    return int(form.initial["position"] if asked is None else asked)
