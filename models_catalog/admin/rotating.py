"""How is a client key replaced in the admin? After a question, by a page that shows the new key, this one time."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_variables

from models_catalog import keys
from models_catalog.admin import ui
from models_catalog.admin.problems import page_of
from models_catalog.models import ClientKey
from providers.types import Secret

USUAL_HOURS = 24
MOST_HOURS = 24 * 366


class GraceForm(forms.Form):
    """`key_id` is chosen with the page: sending it twice cannot make two keys."""

    grace_h = forms.FloatField(
        label="Hours for which the old key is still accepted",
        initial=USUAL_HOURS,
        min_value=0,
        max_value=MOST_HOURS,
        widget=ui.Number(),
        help_text="0: the old key is revoked at once.",
    )
    key_id = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4)


class RotatingAdmin(ui.ModelAdmin):
    """A page of keys with the action `rotate_one`."""

    @ui.action(description="Replace", icon="autorenew", permissions=["revoke"])  # type: ignore[untyped-decorator]
    @sensitive_variables("key")
    def rotate_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        form = GraceForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._asked(request, row, form)
        if (made := ClientKey.objects.filter(pk=form.cleaned_data["key_id"]).first()) is not None:
            return self._was_made(request, made)
        grace = timedelta(hours=form.cleaned_data["grace_h"])
        try:
            made, key = keys.rotate_client_key(row, grace, id=form.cleaned_data["key_id"])
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(page_of(row))
        except IntegrityError:  # the same form, twice at the same time
            return self._was_made(request, ClientKey.objects.get(pk=form.cleaned_data["key_id"]))
        self.log_change(request, row, "Replaced.")
        self.log_addition(request, made, [{"added": {}}])
        return self.shown_once(request, made, Secret(key))

    def _was_made(self, request: HttpRequest, made: ClientKey) -> HttpResponse:
        self.message_user(request, "This key has already been created, and is shown only once.", messages.WARNING)
        return HttpResponseRedirect(page_of(made))

    def shown_once(self, request: HttpRequest, made: ClientKey, key: Secret) -> HttpResponse:
        """The page with a new key."""
        raise NotImplementedError

    def _asked(self, request: HttpRequest, row: ClientKey, form: GraceForm) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": f"Replace {row.name}",
            "form": form,
        }
        return TemplateResponse(request, "models_catalog/client_key_replace.html", context)
