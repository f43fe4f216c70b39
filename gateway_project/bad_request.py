"""What does the admin say of a request that it does not take? In plain text; for a wrong host, the setting that allows it."""

from __future__ import annotations

from django.core.exceptions import BadRequest, DisallowedHost
from django.http import HttpRequest, HttpResponse

LONGEST_NAME = 255
HOST = """\
400: the admin is not served under the host name {name}.

If that is how it should be reached, add the name to GATEWAY_ALLOWED_HOSTS, beside those that are there already (names without
port, separated by commas), and restart the gateway.
"""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400. A browser takes it for text, whatever the client called the host."""
    text = "400: the request is not valid.\n"
    if isinstance(exception, DisallowedHost):
        text = HOST.format(name=asked_for(request))
    elif isinstance(exception, BadRequest):
        text = f"400: {exception}\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})


def asked_for(request: HttpRequest) -> str:
    """The name in the header Host without its port, as it can be shown."""
    host = request.META.get("HTTP_HOST", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    shown = name[:LONGEST_NAME]
    return shown if shown.isascii() and shown.isprintable() and shown else "(not a valid name)"
