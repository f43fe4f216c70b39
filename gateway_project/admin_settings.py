"""How does the admin look? The apps that must stand before Django's admin, and unfold's settings."""

from __future__ import annotations

from typing import Any

ADMIN_APPS = ["unfold", "unfold.contrib.filters", "unfold.contrib.forms"]
UNFOLD: dict[str, Any] = {"SITE_TITLE": "Signalbox", "SITE_HEADER": "Signalbox"}
