"""What is answered while settings ask for single sign-on or second factors, and the extra is missing? No page of the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.http import HttpRequest, HttpResponse

from gateway_project.error_pages import page
from gateway_project.sso_settings import EXTRA

CLOSED = ("/admin/", "/me/")


def check_extra(**options: Any) -> list[CheckMessage]:
    """E003: a setting needs the extra `sso`, and it is not installed."""
    wanted = [name for name, is_set in _asked() if is_set]
    if not wanted or settings.GATEWAY_SSO:
        return []
    text = f"{' and '.join(wanted)} needs django-allauth, which is not installed: pip install '{EXTRA}'."
    return [Error(text, hint="docs/sign-in.md", id="gateway.E003")]


def _asked() -> list[tuple[str, bool]]:
    return [("GATEWAY_OIDC_ISSUER", bool(settings.GATEWAY_OIDC_ISSUER)), ("GATEWAY_MFA", settings.GATEWAY_MFA != "off")]


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """503 for every page that asks who is there."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(CLOSED):
            lines = [f"The settings ask for a sign-in that is not installed: pip install '{EXTRA}', and start the gateway again."]
            return page(503, "Nobody can sign in", lines, ())
        return get_response(request)

    return answer
