"""What does `manage.py check --deploy` ask of the settings besides what Django asks?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning


def https(**options: Any) -> list[CheckMessage]:
    """Whether sessions of the admin are kept to HTTPS."""
    if settings.GATEWAY_HTTPS:
        return []
    hint = (
        "Behind a proxy that ends TLS and sets X-Forwarded-Proto, set GATEWAY_HTTPS=on: secure cookies, HSTS. "
        "Without one, let nobody but this machine reach the admin (HOST=127.0.0.1)."
    )
    return [CheckWarning("The admin's cookies are sent over plain HTTP.", hint=hint, id="gateway.W001")]
