"""How is guessing of the admin's passwords slowed down? django-axes, with two bounds and a way to wait.

Failures are counted in the database for an account at an address, and for an address as a whole. A lock is always that of an
address: nobody can keep an operator out from everywhere. It ends by itself, and trying again does not lengthen it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import authenticate
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from gateway_project.client_address import client_address, counted_as

log = structlog.stdlib.get_logger("gateway.sign_in")
PER_ADDRESS = 10
"""How many times as many failures an address may have as one account at it: people share addresses."""
Failures = tuple[datetime, int]
"""When the last failure of an account at an address was, and how many there were."""


def address_of(request: HttpRequest) -> str | None:
    """The address as it is counted: django-axes asks here."""
    return counted_as(client_address(request.META, settings.GATEWAY_TRUSTED_PROXIES))


def locked_until(failures: Iterable[Failures], limit: int, lock: timedelta) -> datetime | None:
    """When so many failures are forgotten that less than `limit` are left; None if that is so already."""
    ordered, until = sorted(failures), None
    left = sum(count for _, count in ordered)
    for at, count in ordered:
        if left < limit:
            break
        left, until = left - count, at + lock
    return until


class SignInHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts in `AccessAttempt`, one row for an account at an address, of which nothing else is kept that was sent."""

    def locked_until(self, request: HttpRequest, username: str | None, *, more: int = 0) -> datetime | None:
        """The end of the lock for this account at this address, None if there is none; one begins `more` failures later."""
        lock = settings.AXES_COOLOFF_TIME
        recent = AccessAttempt.objects.filter(ip_address=address_of(request), attempt_time__gt=timezone.now() - lock)
        rows = list(recent.values_list("username", "attempt_time", "failures_since_start"))
        everybody = [(at, count) for _, at, count in rows]
        account = [(at, count) for name, at, count in rows if name == username]
        limit = settings.GATEWAY_LOGIN_FAILURES
        ends = (locked_until(account, limit + more, lock), locked_until(everybody, limit * PER_ADDRESS + more, lock))
        return max((end for end in ends if end is not None), default=None)

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return self.locked_until(request, (credentials or {}).get("username")) is not None

    def note_failure(self, request: HttpRequest, username: str | None) -> None:
        """One more failure of this account at this address."""
        AxesProxyHandler.update_request(request)  # where no password was tried in this request
        self.clean_expired_user_attempts(request)
        with transaction.atomic():
            row, is_new = AccessAttempt.objects.get_or_create(
                username=username, ip_address=address_of(request), user_agent="", defaults={"failures_since_start": 1}
            )
            if not is_new:
                changed = {"failures_since_start": F("failures_since_start") + 1, "attempt_time": timezone.now()}
                AccessAttempt.objects.filter(pk=row.pk).update(**changed)

    def take_back(self, request: HttpRequest, username: str) -> None:
        """One failure less: a try whose password was right, and that waits for its second factor. Those of before stay."""
        AccessAttempt.objects.filter(username=username, ip_address=address_of(request)).update(
            failures_since_start=F("failures_since_start") - 1
        )

    def user_login_failed(
        self, sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: object
    ) -> None:
        """Says so in the log; `SignInBackend` has counted it. From the last failure on the answer is the page of the lock."""
        if request is None:
            return
        username = credentials.get("username")
        until = self.locked_until(request, username)
        if until is None:
            log.warning("sign-in failed", **_who(request, username))
            return
        vars(request).update(axes_locked_out=True, locked_until=until)
        log.warning("sign-in failed", **_who(request, username), locked_for_s=_seconds(until))

    def forget(self, request: HttpRequest, username: str) -> None:
        """Takes back the failures of this account at this address, and of no other: one's own account resets nothing else."""
        AccessAttempt.objects.filter(username=username, ip_address=address_of(request)).delete()

    def user_logged_in(self, sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
        self.forget(request, user.get_username())
        log.info("signed in", **_who(request, user.get_username()))

    def user_logged_out(self, *args: object, **kwargs: object) -> None:
        pass


class SignInBackend(AxesStandaloneBackend, ModelBackend):  # type: ignore[misc]
    """Django's accounts. Who is locked is not heard. A try counts as failed from its beginning until it has succeeded: of many
    at the same time, in whichever workers, no more than allowed are looked at."""

    handler = SignInHandler()
    aauthenticate = BaseBackend.aauthenticate  # type: ignore[assignment]  # ModelBackend has one of its own, which would pass all this by

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        if request is None:  # no client: a command, a test
            return ModelBackend.authenticate(self, request, username, password, **kwargs)
        super().authenticate(request, username, password, **kwargs)  # raises PermissionDenied for who is locked
        self.handler.note_failure(request, username)
        if self.handler.locked_until(request, username, more=1):
            raise PermissionDenied
        return ModelBackend.authenticate(self, request, username, password, **kwargs)


def locked(request: HttpRequest, *args: object) -> HttpResponse:
    """429 with the time to wait; what django-axes answers instead of the page."""
    seconds = _seconds(vars(request).get("locked_until", timezone.now()))
    until = timezone.now() + timedelta(seconds=seconds)
    context = {**admin.site.each_context(request), "title": "Sign-in locked", "minutes": math.ceil(seconds / 60), "until": until}
    response = render(request, "gateway_project/locked.html", context, status=429)
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response


def change_password(request: HttpRequest) -> HttpResponse:
    """The admin's own page, which asks for the old password: a wrong one counts like a failed sign-in."""
    return refused_old_password(request) or admin.site.password_change(request)


def refused_old_password(request: HttpRequest) -> HttpResponse | None:
    """Counts the old password that a form has brought; the page of the lock if it was one wrong one too many."""
    given = request.POST.get("old_password")
    if request.method == "POST" and given and request.user.is_authenticated:
        name = request.user.get_username()
        if authenticate(request, username=name, password=given):
            SignInBackend.handler.forget(request, name)
        elif vars(request).get("axes_locked_out"):
            return locked(request)
    return None


def _who(request: HttpRequest, username: str | None) -> dict[str, str | None]:
    """What the log says of a try; never the password."""
    return {"account": username, "address": str(client_address(request.META, settings.GATEWAY_TRUSTED_PROXIES))}


def _seconds(until: datetime) -> int:
    return max(1, math.ceil((until - timezone.now()).total_seconds()))
