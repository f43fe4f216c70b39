"""How does the admin look? Its apps, unfold's settings and the content security policy that unfold needs."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

ADMIN_APPS = ["unfold"]
"""Must stand before `django.contrib.admin`, whose site and templates they replace."""

ADMIN_CSP: dict[str, list[str]] = {
    "default-src": [SELF],
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "media-src": [SELF, "blob:"],
    "object-src": [NONE],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [SELF],
}
"""Alpine evaluates its attributes, and unfold writes its colours into a style element. Sounds that
a model has made are played from the memory of the playground's page."""


def icon(request: HttpRequest) -> str:
    return static("models_catalog/icon.svg")


def styles(request: HttpRequest) -> str:
    return static("models_catalog/admin.css")


def scripts(request: HttpRequest) -> str:
    return static("models_catalog/admin.js")


def item(title: str, symbol: str, model: str) -> dict[str, Any]:
    """A sidebar line to the list of `app.model`, for those who may see it."""
    app, name = model.split(".")

    def may_view(request: HttpRequest) -> bool:
        return request.user.has_perms([f"{app}.view_{name}"])

    return {"title": title, "icon": symbol, "link": reverse_lazy(f"admin:{app}_{name}_changelist"), "permission": may_view}


def page(title: str, symbol: str, name: str, permission: str) -> dict[str, Any]:
    """A sidebar line to a page that is no model's, for those who have the right."""

    def may_view(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return {"title": title, "icon": symbol, "link": reverse_lazy(f"admin:{name}"), "permission": may_view}


SIDEBAR = [
    {
        "items": [
            {"title": "Overview", "icon": "monitoring", "link": reverse_lazy("admin:index")},
            item("Sessions", "forum", "openai_api.sessionrow"),
            item("Requests", "swap_horiz", "openai_api.usagerecord"),
            page("Explain", "alt_route", "explain", "models_catalog.view_modeldefinition"),
            page("Playground", "science", "playground", "models_catalog.view_modeldefinition"),
            item("Stored responses", "inventory_2", "openai_api.storedresponserow"),
            item("Jobs", "pending_actions", "openai_api.jobrow"),
        ]
    },
    {
        "title": "Catalog",
        "separator": True,
        "items": [
            item("Models", "hub", "models_catalog.modeldefinition"),
            item("Providers", "dns", "models_catalog.provider"),
            item("Credentials", "passkey", "models_catalog.credential"),
            item("Hooks", "phishing", "models_catalog.hook"),
            item("Change sets", "difference", "models_catalog.changeset"),
        ],
    },
    {
        "title": "Access",
        "separator": True,
        "items": [
            item("Client keys", "key", "models_catalog.clientkey"),
            item("Management tokens", "terminal", "models_catalog.managementtoken"),
            item("People", "badge", "models_catalog.person"),
            item("Projects", "folder_open", "models_catalog.project"),
            item("Tenants", "domain", "models_catalog.tenant"),
            item("Access groups", "workspaces", "models_catalog.accessgroup"),
            item("Limits", "speed", "models_catalog.limit"),
            item("Budgets", "savings", "models_catalog.budget"),
            item("Ledger", "receipt_long", "openai_api.ledgerentry"),
            item("Requests for more", "waving_hand", "models_catalog.keyrequest"),
        ],
    },
    {
        "title": "Staff",
        "separator": True,
        "items": [
            item("Users", "person", "auth.user"),
            item("Groups", "group", "auth.group"),
            item("Audit log", "policy", "models_catalog.auditentry"),
        ],
    },
]

TEAL = {
    "50": "oklch(98.2% .014 180.7)",
    "100": "oklch(95.1% .044 180.8)",
    "200": "oklch(90.5% .083 180.9)",
    "300": "oklch(85% .118 181.6)",
    "400": "oklch(77.5% .128 182.3)",
    "500": "oklch(66% .125 183.2)",
    "600": "oklch(51.1% .096 186.4)",
    "700": "oklch(45.5% .083 187)",
    "800": "oklch(39.5% .07 188)",
    "900": "oklch(35% .057 188.6)",
    "950": "oklch(27.7% .046 192.5)",
}
SLATE = {
    "50": "oklch(98.5% .003 220)",
    "100": "oklch(96.5% .004 220)",
    "200": "oklch(92.4% .006 220)",
    "300": "oklch(86.8% .01 220)",
    "400": "oklch(70.8% .016 220)",
    "500": "oklch(54.5% .02 222)",
    "600": "oklch(44.4% .021 224)",
    "700": "oklch(36.5% .021 226)",
    "800": "oklch(27% .018 228)",
    "900": "oklch(20.5% .015 230)",
    "950": "oklch(14.5% .012 232)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Signalbox",
    "SITE_HEADER": "Signalbox",
    "SITE_SUBHEADER": "Model gateway",
    "SITE_ICON": icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": icon}],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "7px",
    "COLORS": {"base": SLATE, "primary": TEAL},
    "DASHBOARD_CALLBACK": "openai_api.admin.overview.overview",
    "STYLES": [styles],
    "SCRIPTS": [scripts],
    "LOGIN": {"form": "gateway_project.shared_sign_in.SignInForm"},
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": SIDEBAR},
}
