"""Where do people who are not staff change their password? At /me/password/.

The old one is asked for, and a wrong one counts like a failed sign-in.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gateway_project.sign_in import refused_old_password
from models_catalog.models import Person
from openai_api.me.visitor import for_person


@for_person
def own_password(request: HttpRequest, person: Person) -> HttpResponse:
    """Other sessions of the account end; this one goes on."""
    if (refused := refused_old_password(request)) is not None:
        return refused
    user: Any = request.user
    form = PasswordChangeForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, "Your password is changed. You are signed out everywhere else.")
        return redirect("me:home")
    context = {"form": form, "title": "Change your password", "submit": "Change the password"}
    return render(request, "openai_api/me/form.html", context)
