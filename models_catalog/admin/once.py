"""What if a form that makes a secret is sent twice? The id of the row is chosen with the page, so that there is one secret."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from models_catalog.admin import ui
from models_catalog.admin.problems import page_of

ID = "form_id"


class OnceForm(ui.ModelForm):
    """The form of a row whose id comes with the page."""

    form_id = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4, required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance._state.adding and (chosen := data.get(ID)):  # noqa: SLF001 - how Django itself tells a new row
            self.instance.pk = chosen
        return data


class OnceAdmin(ui.ModelAdmin):
    """A page where a row with a secret is made by an `OnceForm`, whose `form_id` is among the fields for adding."""

    made_once = "key"
    """What the secret is called."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The answer to the form shows the secret and nothing else, so that there is one button."""
        if (made := self._made_before(request)) is not None:
            return self._told(request, made)
        shown = {"show_save_and_continue": False, "show_save_and_add_another": False, "title": f"New {self.opts.verbose_name}"}
        try:
            response: HttpResponse = super().add_view(request, form_url, {**(extra_context or {}), **shown})
        except IntegrityError:  # the same form, twice at the same time
            if (made := self._made_before(request)) is None:
                raise
            return self._told(request, made)
        return response

    def _made_before(self, request: HttpRequest) -> Any:
        """The row that this form has made already."""
        try:
            chosen = uuid.UUID(request.POST.get(ID, ""))
        except ValueError:
            return None
        return self.get_queryset(request).filter(pk=chosen).first() if self.has_add_permission(request) else None

    def _told(self, request: HttpRequest, made: Any) -> HttpResponse:
        name = self.made_once
        lost = "if you have no copy, revoke it and create another."
        text = f"This {name} has already been created. A {name} is shown only once: {lost}"
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(page_of(made))
