"""What does the admin say when the database is away? That it is, and not that the page is broken."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views import defaults

RETRY_S = 5
PAGE = """<!doctype html><meta charset="utf-8"><title>Database unavailable</title>
<h1>The database does not answer</h1>
<p>Requests with known keys are still served. This page works again as soon as the database does.</p>
"""


def server_error(request: HttpRequest) -> HttpResponse:
    """503 while the database cannot be asked, else Django's own page with 500."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return HttpResponse(PAGE, status=503, headers={"Retry-After": str(RETRY_S)})
    return defaults.server_error(request)
