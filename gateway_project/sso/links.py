"""Which links has the menu of one's own account? The password, where there is one, and the second factor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    links = [{"title": "Second factor", "link": reverse("second_factor")}]
    user: Any = request.user
    if user.is_authenticated and user.has_usable_password():
        links.insert(0, {"title": "Change password", "link": reverse("admin:password_change")})
    return links
