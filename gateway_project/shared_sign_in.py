"""Who may sign in, and where does that lead? Staff to the admin; people with keys, who need not be staff, to /me.

Single sign-on and second factors come in where their settings ask for them; without them nothing of them is imported.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import AuthenticationForm

from gateway_project.error_pages import SIGN_IN, page
from gateway_project.sign_in import SignInBackend
from models_catalog.models import Person

NO_PASSWORDS = "Passwords are not accepted here. Sign in with {name}."


class SecondStep(Exception):
    """The password is right, and that is not enough."""

    def __init__(self, user: Any) -> None:
        super().__init__()
        self.user = user


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """The admin's, which lets in people, too."""

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        try:
            super().confirm_login_allowed(user)
        except ValidationError:
            if not (user.is_active and is_person(user)):
                raise
        if settings.GATEWAY_SSO:
            from gateway_project.sso import accounts

            if accounts.is_the_providers(user):
                raise self.get_invalid_login_error()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if settings.GATEWAY_SSO and self.get_user() is not None:
            from gateway_project.sso import second_step

            if second_step.needs_second(self.get_user()):
                raise SecondStep(self.get_user())
        return cleaned


def is_person(user: Any) -> bool:
    return Person.objects.filter(user=user.pk).exists()


def sign_in(request: HttpRequest) -> HttpResponse:
    """The page `/admin/login/`. Who is not staff goes on to /me, whatever page of the admin was asked for."""
    at_me = reverse("me:home")
    if request.method == "GET" and _is_only_person(request):
        return HttpResponseRedirect(at_me)
    if request.method == "POST" and not settings.GATEWAY_PASSWORD_LOGIN:
        return page(403, "Not accepted", [NO_PASSWORDS.format(name=settings.GATEWAY_OIDC_NAME)], (SIGN_IN,))
    try:
        response = admin.site.login(request, _offered(request))
    except SecondStep as right:
        return _second_step(request, right.user)
    to = urlsplit(response.get("Location", "")).path
    if response.status_code == 302 and not to.startswith(at_me) and _is_only_person(request):
        return HttpResponseRedirect(at_me)
    return response


def _second_step(request: HttpRequest, user: Any) -> HttpResponse:
    from gateway_project.sso import second_step

    SignInBackend.handler.take_back(request, user.get_username())
    return second_step.enter(request, user, _asked_for(request))


def _asked_for(request: HttpRequest) -> str:
    """The page that led to the sign-in, "" if it was none."""
    return request.POST.get("next", request.GET.get("next", ""))


def _offered(request: HttpRequest) -> dict[str, Any]:
    """What the page offers besides the form."""
    if not settings.GATEWAY_OIDC_ISSUER:
        return {}
    address = f"{reverse('oidc_login')}?{urlencode({'next': _asked_for(request)})}" if settings.GATEWAY_SSO else ""
    return {"oidc_name": settings.GATEWAY_OIDC_NAME, "oidc_url": address, "passwords": settings.GATEWAY_PASSWORD_LOGIN}


def _is_only_person(request: HttpRequest) -> bool:
    user = request.user
    return user.is_authenticated and not user.is_staff and is_person(user)
