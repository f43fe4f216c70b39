"""Who is let through? No session without its second factor, where one is asked for; one of before that ends at its next page."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from gateway_project.sso.second_step import BY_PROVIDER, MARK, needs_second

log = structlog.stdlib.get_logger("gateway.sign_in")


class SecondFactorGate:
    """Signs out whose session lacks the second factor, or has one that was taken away. Stands after the authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = settings.SESSION_COOKIE_NAME in request.COOKIES
        if known and request.session.get("_auth_user_id") and request.user.is_authenticated and not self._is_through(request):
            log.info("signed out", reason="no second factor", account=request.user.get_username())
            logout(request)
        return self._get_response(request)

    def _is_through(self, request: HttpRequest) -> bool:
        mark = request.session.get(MARK)
        if mark == BY_PROVIDER:
            return True
        if mark is not None and Authenticator.objects.filter(pk=mark, user_id=request.user.pk).exists():
            return True
        return not needs_second(request.user)
