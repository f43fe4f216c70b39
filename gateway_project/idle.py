"""When does a sign-in end by itself? When no page was asked for in a while, besides the age that Django looks after."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

log = structlog.stdlib.get_logger("gateway.sign_in")
SEEN = "seen"
EVERY_S = 60
"""How often the time is written down: a session that is looked at is not written for each page."""


class IdleMiddleware:
    """Signs out who has asked for nothing for `GATEWAY_LOGIN_IDLE_S`; 0 never does. Stands after the authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A page that knows no session stays one that does not vary by it.
        known = settings.SESSION_COOKIE_NAME in request.COOKIES
        if known and settings.GATEWAY_LOGIN_IDLE_S and request.session.get("_auth_user_id"):
            self._look(request, time.time())
        return self._get_response(request)

    def _look(self, request: HttpRequest, now: float) -> None:
        seen = request.session.get(SEEN)
        if isinstance(seen, (int, float)) and now - seen > settings.GATEWAY_LOGIN_IDLE_S:
            log.info("signed out", reason="idle", account=request.user.get_username())
            logout(request)
        elif not isinstance(seen, (int, float)) or abs(now - seen) >= min(EVERY_S, settings.GATEWAY_LOGIN_IDLE_S / 4):
            request.session[SEEN] = now
