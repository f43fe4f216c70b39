"""How are single sign-on and second factors set up? Readers of their settings, and what they add to Django's.

Nothing here imports the extra `sso`: a gateway without these settings starts without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

EXTRA = "signalbox-gateway[sso]"
ROLES = ("Viewer", "Operator", "Key issuer", "Security")
"""The groups that are made with the database."""
SUPERUSER = "superuser"
MOST_ISSUER = 200
LOOPBACK = ("localhost", "127.0.0.1", "::1")
OIDC_APPS = ("allauth.account", "allauth.socialaccount", "allauth.socialaccount.providers.openid_connect", "allauth.mfa")
"""All of them together: what is switched off and on again finds its tables."""
ACCOUNT_MIDDLEWARE = "allauth.account.middleware.AccountMiddleware"
GATE = "gateway_project.sso.gate.SecondFactorGate"
MISSING = "gateway_project.sso_missing.middleware"
AFTER = "gateway_project.idle.IdleMiddleware"
Roles = Mapping[str, tuple[str, ...]]
"""For a value of the claim, what it gives: names of `ROLES`, or `SUPERUSER`."""


def issuer_of(url: str) -> str:
    """The issuer's address as its tokens name it; "" for none. Raises `ValueError`."""
    if not url:
        return ""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or parts.query or parts.fragment or parts.username or len(url) > MOST_ISSUER:
        raise ValueError(f"must be the https:// address of the issuer, without query and of at most {MOST_ISSUER} characters")
    return url


def roles_of(text: str) -> Roles:
    """`value=Role,value=Role`, or a JSON object of values with a role or a list of roles. Raises `ValueError`."""
    pairs = _json_pairs(text) if text.startswith("{") else _plain_pairs(text)
    known = {name.lower(): name for name in (*ROLES, SUPERUSER)}
    found: dict[str, tuple[str, ...]] = {}
    for value, role in pairs:
        if not value or role.lower() not in known:
            raise ValueError(f"must map values of the claim to {', '.join(ROLES)} or {SUPERUSER}: value=Role,value=Role, or JSON")
        found[value] = (*found.get(value, ()), known[role.lower()])
    return MappingProxyType(found)


def _plain_pairs(text: str) -> list[tuple[str, str]]:
    words = [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]
    split = [word.rpartition("=") for word in words]
    return [(value.strip(), role.strip()) for value, _, role in split]


def _json_pairs(text: str) -> list[tuple[str, str]]:
    try:
        given = json.loads(text)
    except ValueError:
        raise ValueError("must be a JSON object, or value=Role,value=Role") from None
    listed = ((value, roles if isinstance(roles, list) else [roles]) for value, roles in given.items())
    return [(value, str(role)) for value, roles in listed for role in roles]


def is_installed() -> bool:
    """Whether the extra `sso` is there. Imports nothing of it."""
    try:
        return all(find_spec(name) is not None for name in ("allauth", "jwt", "qrcode", "requests"))
    except ImportError:
        return False


def add_to(settings: dict[str, Any]) -> None:
    """Adds apps and middleware to Django's settings, if there is anything to add them for. Where the extra is missing, what
    answers for it: nobody gets in past a protection that cannot be there."""
    wanted = bool(settings["GATEWAY_OIDC_ISSUER"]) or settings["GATEWAY_MFA"] != "off"
    settings["GATEWAY_SSO"] = wanted and is_installed()
    middleware: list[str] = settings["MIDDLEWARE"]
    place = middleware.index(AFTER) + 1
    if not wanted:
        return
    if not settings["GATEWAY_SSO"]:
        middleware.insert(place, MISSING)
        return
    settings["INSTALLED_APPS"] += OIDC_APPS
    settings.update(
        SOCIALACCOUNT_ADAPTER="gateway_project.sso.adapters.OneProvider",
        SOCIALACCOUNT_STORE_TOKENS=False,
        SOCIALACCOUNT_REQUESTS_TIMEOUT=5,
        MFA_ADAPTER="gateway_project.sso.adapters.SealedFactors",
        MFA_TOTP_ISSUER=settings["UNFOLD"]["SITE_TITLE"],
        MFA_TOTP_TOLERANCE=1,
    )
    middleware.append(ACCOUNT_MIDDLEWARE)
    if settings["GATEWAY_MFA"] != "off":
        middleware.insert(place, GATE)
        settings["UNFOLD"]["ACCOUNT"] = {"navigation": "gateway_project.sso.links.account_links"}
