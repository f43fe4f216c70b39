"""What comes after the password, or after the provider's answer? The second factor, and only then the session.

Until then nobody is signed in: the session holds who has passed the first step, for a few minutes, and no page but that of the
second factor knows of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from gateway_project.shared_sign_in import is_person
from gateway_project.sign_in import SignInBackend, locked
from gateway_project.sso.factors import factor_of
from gateway_project.sso_settings import GATE

WAITING = "second_step"
MARK = "second_factor"
"""In the session: the id of the factor that was used, or `BY_PROVIDER`."""
BY_PROVIDER = "provider"
WAITS_S = 600
BACKEND = "gateway_project.sign_in.SignInBackend"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who has passed the first step, and where that was to lead."""

    user: User
    to: str


def is_asked() -> bool:
    """Whether second factors are in force."""
    return GATE in settings.MIDDLEWARE


def needs_second(user: Any) -> bool:
    return is_asked() and (settings.GATEWAY_MFA == "required" or factor_of(user) is not None)


def enter(request: HttpRequest, user: User, to: str, *, strong: bool = False) -> HttpResponse:
    """Signs in who has passed the first step, or asks for the second one. `strong` says that the provider has asked for it.

    Who is locked at this address is locked by whichever way.
    """
    handler = SignInBackend.handler
    until = handler.locked_until(request, user.get_username())
    if until is not None:
        vars(request).update(axes_locked_out=True, locked_until=until)
        return locked(request)
    if strong or not needs_second(user):
        return finish(request, user, to, mark=BY_PROVIDER if strong else None)
    if request.user.is_authenticated:
        logout(request)
    request.session.cycle_key()  # whoever knew the session before knows nothing of this one
    kept = {"user": user.pk, "hash": user.get_session_auth_hash(), "to": to, "at": time.time()}
    request.session[WAITING] = kept
    return HttpResponseRedirect(reverse("second_factor"))


def waiting(request: HttpRequest) -> Waiting | None:
    """Who has passed the first step in this browser, a while ago at most, and has the same password still."""
    kept = request.session.get(WAITING)
    if not kept:
        return None
    user = get_user_model().objects.filter(pk=kept["user"], is_active=True).first()
    fresh = time.time() - kept["at"] <= WAITS_S
    if user is None or not fresh or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        del request.session[WAITING]
        return None
    return Waiting(user, kept["to"])


def finish(request: HttpRequest, user: User, to: str, *, mark: int | str | None) -> HttpResponse:
    """The session begins, and is told of as any sign-in is."""
    request.session.pop(WAITING, None)
    login(request, user, backend=BACKEND)
    if mark is not None:
        request.session[MARK] = mark
    return HttpResponseRedirect(landing(request, user, to))


def landing(request: HttpRequest, user: User, to: str) -> str:
    """Where a sign-in leads: to the page that was asked for; people who are not staff to /me."""
    own = reverse("me:home")
    safe = url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure())
    if not user.is_staff and is_person(user):
        return to if safe and to.startswith(own) else own
    return to if safe else reverse("admin:index")
