"""What do Django's pages say of a request that they refuse, or that fails? What happened, and what to do about it.

The pages ask neither the database nor the session: they are shown when those are what has failed. Each refusal is one line of the
log, which Django writes; for a page that failed there is a reference, on the page and in the log.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import token_hex

import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_NO_CSRF_COOKIE
from django.template.loader import render_to_string

log = structlog.stdlib.get_logger("gateway.pages")
RETRY_S = 5
LONGEST = 200
ADMIN, OWN, SIGN_IN = ("The admin", "/admin/"), ("Your keys", "/me/"), ("Sign in", "/admin/login/")
NO_COOKIE = "Your browser sent no cookie of this site. Allow cookies for it, open the page again, and send the form again."
ORIGIN = (
    "The form came from an origin that is not this site. Behind a proxy that ends TLS, set GATEWAY_HTTPS=on, and have it pass "
    "on the headers Host and X-Forwarded-Proto as they came."
)
STALE = "The page was open for too long, or you have signed in or out since. Open it again, and send the form again."


def page(status: int, title: str, lines: Sequence[str], links: Sequence[tuple[str, str]] = (ADMIN,)) -> HttpResponse:
    context = {"status": status, "title": title, "lines": lines, "links": links}
    answer = HttpResponse(render_to_string("gateway_project/error.html", context), status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403. What is refused and who it is refused to, and who can change that."""
    reason = str(exception)[:LONGEST] if isinstance(exception, PermissionDenied) else ""
    user = getattr(request, "user", None)
    name = user.get_username() if user is not None and user.is_authenticated else ""
    said = f"The account {name} may not do this: it lacks the right to it." if name else "This needs an account that may do it."
    lines = [reason, said, "A superuser can give the right to it, by a group, on the page Users."]
    return page(403, "Not allowed", [line for line in lines if line], (ADMIN, OWN) if name else (SIGN_IN,))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. The address is not repeated: the browser shows it, and it may be whatever somebody made up."""
    lines = [
        "Nothing is at this address.",
        "The row may have been deleted, or the address may be mistyped. Begin at the overview, and search there.",
        "Programs call the gateway below /v1.",
    ]
    return page(404, "Page not found", lines, (ADMIN, OWN))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token; Django has logged the reason."""
    why = NO_COOKIE if reason == REASON_NO_CSRF_COOKIE else ORIGIN if reason.startswith(REASON_BAD_ORIGIN[:23]) else STALE
    return page(403, "The form was not accepted", [why, "Nothing has been changed."])


def server_error(request: HttpRequest) -> HttpResponse:
    """503 while the database cannot be asked, else 500."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        lines = [
            "Requests with known keys are still served.",
            "This page works again as soon as the database does. If that takes long, look at the database and at DATABASE_URL.",
        ]
        answer = page(503, "The database does not answer", lines)
        answer["Retry-After"] = str(RETRY_S)
        return answer
    reference = token_hex(6)
    log.error("a page failed", path=request.path[:LONGEST], reference=reference)
    lines = [
        "This is a defect of the gateway, and nothing that you did.",
        "What you sent may not have been saved: look before you send it again.",
        f"The log has the details, beside the reference {reference} ({datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC).",
    ]
    return page(500, "The page failed", lines)
