"""The operator's pages: one module each, registered when Django looks for `admin`. Only `ui` knows the widget library."""

from __future__ import annotations

from models_catalog.admin.pages import client_keys, credentials, models, overview, providers, users

__all__ = ["client_keys", "credentials", "models", "overview", "providers", "users"]
