"""The operator's pages: one module each, registered when Django looks for `admin`. Only `ui` knows the widget library."""

from __future__ import annotations

from models_catalog.admin.pages import (
    access_groups,
    audit,
    client_keys,
    credentials,
    history,
    hooks,
    key_requests,
    limits,
    models,
    overview,
    people,
    projects,
    providers,
    tenants,
    users,
)

__all__ = [
    "access_groups",
    "audit",
    "client_keys",
    "credentials",
    "history",
    "hooks",
    "key_requests",
    "limits",
    "models",
    "overview",
    "people",
    "projects",
    "providers",
    "tenants",
    "users",
]
