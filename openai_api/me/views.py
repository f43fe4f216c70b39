"""Which pages are there under /me? Each is for the person who is signed in, and knows no keys but that person's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from models_catalog.admin.pages.client_keys import example_body
from models_catalog.models import ClientKey, KeyRequest, Person
from openai_api.database.key_request_mail import tell
from openai_api.me import own_keys, shown
from openai_api.me.forms import AskForm, NewKeyForm, ReplaceForm
from openai_api.me.visitor import for_person
from providers.types import Secret

HOME = "me:home"
MOST_OPEN = 20
"""Requests for more that may wait for a decision."""


@require_safe
@for_person
def home(request: HttpRequest, person: Person) -> HttpResponse:
    return render(request, "openai_api/me/home.html", shown.home(request, person))


@for_person
def new_key(request: HttpRequest, person: Person) -> HttpResponse:
    form = NewKeyForm(person, request.POST or None)
    if form.is_valid() and ClientKey.objects.filter(pk=form.cleaned_data["key_id"]).exists():
        return made_before(request)
    if reason := own_keys.why_not(person):
        messages.error(request, reason)
        return redirect(HOME)
    if request.method != "POST" or not form.is_valid():
        return render(request, "openai_api/me/form.html", {"form": form, "title": "New key", "submit": "Make the key"})
    return made(request, person, form)


@sensitive_variables("key")
def made(request: HttpRequest, person: Person, form: NewKeyForm) -> HttpResponse:
    """The page with the key is the answer to the form itself: nothing else ever holds it."""
    data = form.cleaned_data
    try:
        row, key = own_keys.make_key(person, request.user, data["key_id"], data["name"], data["project"], form.expires_at)
    except own_keys.NotAllowed as error:
        messages.error(request, str(error))
        return redirect(HOME)
    except IntegrityError:  # the same form, twice at the same time
        return made_before(request)
    return with_key(request, row, key)


@for_person
@sensitive_variables("fresh")
def replace(request: HttpRequest, person: Person, key: UUID) -> HttpResponse:
    row = key_of(person, key)
    form = ReplaceForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        texts = {"title": f"Replace {row.name}", "submit": "Make the new key"}
        return render(request, "openai_api/me/form.html", {"form": form, **texts})
    key_id = form.cleaned_data["key_id"]
    if ClientKey.objects.filter(pk=key_id).exists():
        return made_before(request)
    try:
        made_row, fresh = own_keys.replace_key(person, request.user, row, key_id, form.grace_time)
    except own_keys.NotAllowed as error:
        messages.error(request, str(error))
        return redirect(HOME)
    except IntegrityError:  # the same form, twice at the same time
        return made_before(request)
    row.refresh_from_db()
    return with_key(request, made_row, fresh, ends_at=None if row.revoked_at else row.expires_at)


def made_before(request: HttpRequest) -> HttpResponse:
    text = "This key has already been made. A key is shown only once: if you have no copy, revoke it and make another."
    messages.warning(request, text)
    return redirect(HOME)


def with_key(request: HttpRequest, row: ClientKey, key: Secret, **more: Any) -> HttpResponse:
    context = {"row": row, "key": key, "base_url": request.build_absolute_uri("/v1"), "example": example_body(row), **more}
    response = render(request, "openai_api/me/key.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


@for_person
def revoke(request: HttpRequest, person: Person, key: UUID) -> HttpResponse:
    row = key_of(person, key)
    if request.method == "POST":
        own_keys.revoke(request.user, row)
        messages.success(request, f"{row.name} is revoked.")
        return redirect(HOME)
    return render(
        request,
        "openai_api/me/sure.html",
        {
            "row": row,
            "title": f"Revoke {row.name}",
            "text": "It is refused from now on. This cannot be undone.",
            "submit": "Revoke the key",
        },
    )


def key_of(person: Person, key: UUID) -> ClientKey:
    """A key of the person's that is not revoked. Raises `Http404`, the same for keys of others."""
    row = own_keys.keys_of(person).filter(pk=key, revoked_at=None).first()
    if row is None:
        raise Http404
    return row


@for_person
def ask(request: HttpRequest, person: Person) -> HttpResponse:
    if person.requests.filter(state=KeyRequest.State.OPEN).count() >= MOST_OPEN:
        messages.error(request, "You have asked for much already. Wait until some of it is decided.")
        return redirect(HOME)
    form = AskForm(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            row = form.save()
            if settings.EMAIL_URL:
                tell(row)
        messages.success(request, "Your operator has been asked. The answer appears here.")
        return redirect(HOME)
    return render(request, "openai_api/me/form.html", {"form": form, "title": "Request more", "submit": "Send the request"})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect(HOME)
