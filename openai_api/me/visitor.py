"""Who is at /me? The person of the account that is signed in; staff or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from models_catalog.models import Person

View = Callable[..., HttpResponse]
PersonView = Callable[..., HttpResponse]


def for_person(view: PersonView) -> View:
    """A view that gets the request and the person. Who is not signed in is asked to; who is no person, or is switched off, is
    told so with status 403."""

    @never_cache
    @sensitive_post_parameters()
    @wraps(view)
    def guarded(request: HttpRequest, **place: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        person = Person.objects.select_related("tenant").filter(user=request.user.pk).first()
        if person is None or not (person.enabled and person.tenant.enabled):
            return render(request, "openai_api/me/nobody.html", {"known": person is not None}, status=403)
        return view(request, person, **place)

    return guarded
