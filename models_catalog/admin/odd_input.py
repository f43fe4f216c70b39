"""What happens to addresses and forms that no page of the admin makes? They are refused, or find nothing; none is an error
of the server. Databases refuse numbers that are too long and texts with U+0000 only when they are asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern

from models_catalog.admin.tenancy import may_see

LONGEST = 2**63
REFUSED = (OverflowError, DataError)
"""What SQLite and PostgreSQL say of values that no column can hold."""
ROW = ("object_id", "id")
"""What the addresses of Django and unfold call the row."""


def could_be_id(model: type[Model], text: str) -> bool:
    """Whether a row of the model can have that primary key."""
    try:
        value = model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return -LONGEST <= value < LONGEST if isinstance(value, int) else bool(value) and "\0" not in str(value)


class CarefulAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The guard of every page of a model: its lists, the pages of its rows, its actions and its search."""

    def get_urls(self) -> list[URLPattern]:
        urls = super().get_urls()
        for url in urls:
            url.callback = self.guarded(url.callback)
        return urls

    def guarded(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def guard(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            row = next((kwargs[name] for name in ROW if name in kwargs), None)
            if row is not None and not self.may_exist(request, unquote(row)):
                raise Http404
            self.check_chosen(request)
            try:
                return view(request, *args, **kwargs)
            except REFUSED as err:
                raise BadRequest("A value is too long for the database, or contains a character that it cannot store.") from err

        return update_wrapper(guard, view)

    def may_exist(self, request: HttpRequest, text: str) -> bool:
        """Whether there can be a row of that id, for who asks. Dialogs ask for nothing of their row before they are sent."""
        return could_be_id(self.model, text) and may_see(request, self.model(pk=text))

    def check_chosen(self, request: HttpRequest) -> None:
        """Widgets look for what was chosen when they show a form again, after the fields have refused it."""
        for field in (*self.opts.many_to_many, *self.opts.fields):
            if (other := field.related_model) is None:
                continue
            if not all(could_be_id(other, text) for text in request.POST.getlist(field.name) if text):
                raise BadRequest(f"{field.name}: the chosen value does not exist.")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A filter with a value that it cannot have leads to the list without filters."""
        try:
            return super().get_changelist_instance(request)
        except (*REFUSED, ValueError, ValidationError) as err:
            raise IncorrectLookupParameters from err

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *place: Any) -> HttpResponse | None:
        form = request.POST.copy()
        chosen = [text for text in form.getlist(ACTION_CHECKBOX_NAME) if could_be_id(self.model, text)]
        form.setlist(ACTION_CHECKBOX_NAME, chosen)
        request.POST = form  # type: ignore[assignment]
        return super().response_action(request, queryset, *place)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        if "\0" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)
