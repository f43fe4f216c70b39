"""What does the page of the second factor do? Asks for it at the sign-in, sets it up, makes other recovery codes, takes it away.

One address, for whoever is signed in or has passed the first step. Secrets are shown while they are set up, and never again.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from gateway_project.sign_in import SignInBackend, locked
from gateway_project.sso import factors, second_step
from gateway_project.sso.second_step import Waiting
from models_catalog.admin import ui

SECRET = "second_factor_secret"  # noqa: S105 - where it stands in the session, sealed
WRONG = "The code is wrong, or it was used before. Wait for the next one."
WRONG_PASSWORD = "The password is wrong."  # noqa: S105 - what is said of it
CODES, REMOVE = "codes", "remove"


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=20,
        widget=ui.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false", "autofocus": True}),
    )


class SetUpForm(CodeForm):
    password = forms.CharField(label="Your password", max_length=4096, strip=False, widget=ui.SecretInput())

    field_order = ("password", "code")

    def __init__(self, *args: Any, asks_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code of the app"
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"
        if not asks_password:
            del self.fields["password"]


@never_cache
@sensitive_post_parameters("code", "password")
def second_factor(request: HttpRequest) -> HttpResponse:
    waiting = second_step.waiting(request)
    if waiting is not None:
        return _asked(request, waiting) if factors.factor_of(waiting.user) else _set_up(request, waiting.user, waiting)
    user: Any = request.user
    if not user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    return _own(request, user) if factors.factor_of(user) else _set_up(request, user, None)


def _asked(request: HttpRequest, waiting: Waiting) -> HttpResponse:
    """The second step of a sign-in."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        found = _checked(request, waiting.user, form.cleaned_data["code"])
        if isinstance(found, HttpResponse):
            return found
        if found:
            app: Any = factors.factor_of(waiting.user)
            answer = second_step.finish(request, waiting.user, waiting.to, mark=app.pk)
            _tell_recovery(request, waiting.user, found)
            return answer
        form.add_error("code", WRONG)
    context = {"form": form, "account": waiting.user.get_username(), "title": "Second factor"}
    return _page(request, "second_factor.html", context)


def _own(request: HttpRequest, user: User) -> HttpResponse:
    """Of who is signed in and has one: other recovery codes, another app, none. Each asks for a code."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        found = _checked(request, user, form.cleaned_data["code"])
        if isinstance(found, HttpResponse):
            return found
        if found:
            SignInBackend.handler.forget(request, user.get_username())
            _tell_recovery(request, user, found)
            return _removed(request, user) if request.POST.get("action") == REMOVE else _other_codes(request, user)
        form.add_error("code", WRONG)
    required = settings.GATEWAY_MFA == "required"
    context = {"form": form, "left": factors.codes_left(user), "required": required, "home": _home(request, user)}
    return _page(request, "own_factor.html", {**context, "title": "Second factor"})


def _removed(request: HttpRequest, user: User) -> HttpResponse:
    """Where one is required another must be set up at once: the session goes on for nothing else."""
    factors.remove(user)
    factors.tell(user, "removed")
    if settings.GATEWAY_MFA == "required":
        return second_step.enter(request, user, "")
    request.session.pop(second_step.MARK, None)
    messages.success(request, "The second factor is removed. From now on your password is enough.")
    return HttpResponseRedirect(_home(request, user))


@sensitive_variables()
def _other_codes(request: HttpRequest, user: User) -> HttpResponse:
    codes = factors.new_codes(user)
    factors.tell(user, "other recovery codes")
    return _shown_codes(request, codes, _home(request, user))


@sensitive_variables()
def _set_up(request: HttpRequest, user: User, waiting: Waiting | None) -> HttpResponse:
    """A secret for the app, and a code that proves that the app has it. Who is signed in says the password once more."""
    sealed = request.session.get(SECRET)
    if sealed is None or request.method == "GET":
        sealed = request.session[SECRET] = sealed or factors.new_secret()
    form = SetUpForm(request.POST or None, asks_password=waiting is None and user.has_usable_password())
    if form.is_valid():
        refused = _wrong_password(request, user, form)
        if isinstance(refused, HttpResponse):
            return refused
        made = None if refused else factors.set_up(user, sealed, form.cleaned_data["code"])
        if made is not None:
            return _ready(request, user, waiting, *made)
        if not refused:
            form.add_error("code", WRONG)
    secret = factors.shown(sealed)
    picture = get_adapter().build_totp_svg(get_adapter().build_totp_url(user, secret))
    grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    context = {"form": form, "secret": grouped, "picture": mark_safe(picture.partition("?>")[2] or picture)}  # noqa: S308 - made here
    context |= {"account": user.get_username(), "required": settings.GATEWAY_MFA == "required", "first": waiting is not None}
    return _page(request, "set_up.html", {**context, "title": "Set up a second factor"})


def _wrong_password(request: HttpRequest, user: User, form: forms.Form) -> HttpResponse | bool:
    """Whether the password that was said is wrong, which counts like a failed sign-in; the page of the lock after too many."""
    if "password" not in form.fields:
        return False
    if authenticate(request, username=user.get_username(), password=form.cleaned_data["password"]):
        SignInBackend.handler.forget(request, user.get_username())
        return False
    if vars(request).get("axes_locked_out"):
        return locked(request)
    form.add_error("password", WRONG_PASSWORD)
    return True


@sensitive_variables()
def _ready(request: HttpRequest, user: User, waiting: Waiting | None, app: Any, codes: list[str]) -> HttpResponse:
    request.session.pop(SECRET, None)
    to = _home(request, user)
    if waiting is not None:
        second_step.finish(request, user, waiting.to, mark=app.pk)
        to = second_step.landing(request, user, waiting.to)
    request.session[second_step.MARK] = app.pk
    factors.tell(user, "set up")
    return _shown_codes(request, codes, to)


def _checked(request: HttpRequest, user: User, code: str) -> HttpResponse | str | None:
    """The kind of the factor whose code it is; None for a wrong code, which counts like a wrong password from its beginning, and
    the page of the lock for one too many."""
    handler, name = SignInBackend.handler, user.get_username()
    until = handler.locked_until(request, name)
    if until is None:
        handler.note_failure(request, name)
        if not handler.locked_until(request, name, more=1) and (found := factors.fits(user, code)):
            return found
        user_login_failed.send(sender=__name__, credentials={"username": name}, request=request)
    else:
        vars(request).update(axes_locked_out=True, locked_until=until)
    return locked(request) if vars(request).get("axes_locked_out") else None


def _tell_recovery(request: HttpRequest, user: User, kind: str) -> None:
    if kind == factors.Kind.RECOVERY_CODES:
        factors.tell(user, "recovery code used")
        messages.warning(request, f"You have used a recovery code; {factors.codes_left(user)} are left.")


def _home(request: HttpRequest, user: User) -> str:
    return second_step.landing(request, user, reverse("admin:index"))


def _shown_codes(request: HttpRequest, codes: list[str], to: str) -> HttpResponse:
    return _page(request, "recovery_codes.html", {"codes": codes, "to": to, "title": "Recovery codes"})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, f"gateway_project/sso/{template}", {**admin.site.each_context(request), **context})
