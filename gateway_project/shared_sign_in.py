"""Who may sign in, and where does that lead? Staff to the admin; people with keys, who need not be staff, to /me."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import AuthenticationForm

from models_catalog.models import Person


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """The admin's, which lets in people, too."""

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        try:
            super().confirm_login_allowed(user)
        except ValidationError:
            if not (user.is_active and is_person(user)):
                raise


def is_person(user: Any) -> bool:
    return Person.objects.filter(user=user.pk).exists()


def sign_in(request: HttpRequest) -> HttpResponse:
    """The page `/admin/login/`. Who is not staff goes on to /me, whatever page of the admin was asked for."""
    at_me = reverse("me:home")
    if request.method == "GET" and _is_only_person(request):
        return HttpResponseRedirect(at_me)
    response = admin.site.login(request)
    to = urlsplit(response.get("Location", "")).path
    if response.status_code == 302 and not to.startswith(at_me) and _is_only_person(request):
        return HttpResponseRedirect(at_me)
    return response


def _is_only_person(request: HttpRequest) -> bool:
    user = request.user
    return user.is_authenticated and not user.is_staff and is_person(user)
