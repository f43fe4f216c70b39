"""Which pages has the admin that are no model's? Each is added by its own module, and found as `admin:<name>`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

View = Callable[[HttpRequest], HttpResponse]
_pages: dict[str, URLPattern] = {}


def add_page(route: str, view: View, name: str) -> None:
    """Serves the view at that path of the admin, to who is signed in as staff. Raises `ValueError` for a name that is taken."""
    if name in _pages:
        raise ValueError(f"the admin has a page {name!r} already")
    _pages[name] = path(route, admin.site.admin_view(view), name=name)


def shared(request: HttpRequest, title: str) -> dict[str, Any]:
    """What every page's template is given."""
    return {**admin.site.each_context(request), "title": title, "subtitle": None}


admin.site.extra_urls = lambda: list(_pages.values())  # type: ignore[attr-defined]
