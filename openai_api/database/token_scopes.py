"""What may a token of the management API do? A scope is a resource and a verb, like `keys:write`; `*` stands for any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from django.core.exceptions import ValidationError

from models_catalog.config.table import nearest

READ, WRITE = "read", "write"
BOTH = (READ, WRITE)
RESOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "models": BOTH,
        "providers": BOTH,
        "credentials": BOTH,
        "keys": BOTH,
        "limits": BOTH,
        "budgets": BOTH,
        "tenants": BOTH,
        "projects": BOTH,
        "people": BOTH,
        "access-groups": BOTH,
        "usage": (READ,),
        "requests": (READ,),
        "explain": (READ,),
        "changes": BOTH,
        "hooks": BOTH,
        "tokens": BOTH,
        "config": BOTH,
        "prices": (WRITE,),
        "cache": (WRITE,),
        "running": BOTH,
        "sessions": BOTH,
        "responses": BOTH,
        "jobs": (READ,),
        "key-requests": (READ,),
        "audit": (READ,),
        "overview": (READ,),
    }
)
"""The verbs of each resource."""

ROWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "models": ("modeldefinition", "price"),
        "providers": ("provider",),
        "credentials": ("credential",),
        "keys": ("clientkey",),
        "limits": ("limit",),
        "budgets": ("budget",),
        "tenants": ("tenant",),
        "projects": ("project",),
        "people": ("person",),
        "access-groups": ("accessgroup",),
        "hooks": ("hook",),
        "tokens": ("managementtoken",),
        "config": ("modeldefinition", "route", "fallback", "price", "provider", "credential", "clientkey", "hook"),
        "prices": ("modeldefinition", "price"),
        "key-requests": ("keyrequest",),
        "audit": ("auditentry",),
    }
)
"""The rows of the catalog behind a resource: who gives a scope to a token must have these rights himself."""

DRAFTED = ("models", "providers", "credentials", "hooks")
"""What change sets change."""

VERBS: Mapping[str, tuple[str, ...]] = MappingProxyType({READ: ("view",), WRITE: ("view", "add", "change", "delete")})
"""What Django calls them."""

OTHERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "usage:read": ("openai_api.view_usagerecord",),
        "requests:read": ("openai_api.view_usagerecord",),
        "overview:read": ("openai_api.view_usagerecord",),
        "running:read": ("openai_api.view_usagerecord",),
        "running:write": ("openai_api.view_usagerecord", "openai_api.change_usagerecord"),
        "sessions:read": ("openai_api.view_sessionrow",),
        "sessions:write": ("openai_api.view_sessionrow", "openai_api.delete_sessionrow"),
        "responses:read": ("openai_api.view_storedresponserow",),
        "responses:write": ("openai_api.view_storedresponserow", "openai_api.delete_storedresponserow"),
        "jobs:read": ("openai_api.view_jobrow",),
        "cache:write": tuple(f"models_catalog.change_{row}" for row in ("modeldefinition", "clientkey", "tenant")),
    }
)
"""The rights for scopes of what is no row of the catalog."""

OF_TENANTS = frozenset(
    {
        *("keys", "limits", "budgets", "tenants", "projects", "people", "usage", "requests", "tokens"),
        *("running", "sessions", "responses", "jobs", "key-requests", "audit", "overview"),
    }
)
"""What a token of one tenant can be given besides reading the models: all that belongs to tenants."""


def every_scope() -> tuple[str, ...]:
    """Each resource with each of its verbs."""
    return tuple(f"{name}:{verb}" for name, verbs in RESOURCES.items() for verb in verbs)


def known_scopes() -> tuple[str, ...]:
    """All that can be said."""
    return ("*", "*:read", "*:write", *every_scope())


def check_scopes(scopes: object) -> None:
    """At least one scope, and known ones only. Raises `ValidationError`."""
    if not isinstance(scopes, list) or not scopes:
        raise ValidationError("Choose at least one scope, like models:read.", code="scopes")
    known = known_scopes()
    for scope in scopes:
        if scope not in known:
            hint = nearest(str(scope), known) or f"; known are {', '.join(known)}"
            raise ValidationError(f"Unknown scope {str(scope)[:60]!r}{hint}.", code="scopes")


def spelled_out(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes without stars."""
    given = frozenset(scopes)
    return frozenset(one for one in every_scope() if given & {"*", one, f"*:{one.partition(':')[2]}"})


def rights_for(scopes: Iterable[str]) -> frozenset[str]:
    """The rights that an account needs to give these scopes to a token: what it can do, the account could have done."""
    return frozenset(right for scope in spelled_out(scopes) for right in _rights(*scope.split(":")))


def _rights(resource: str, verb: str) -> Iterable[str]:
    if resource == "changes" or resource == "explain":
        names = [name for of in DRAFTED for name in ROWS[of]] if resource == "changes" else ["modeldefinition", "clientkey"]
        own = [f"models_catalog.{each}_changeset" for each in VERBS[verb] if resource == "changes" and each != "delete"]
        return [*own, *(f"models_catalog.{each}_{name}" for each in VERBS[verb] for name in names)]
    if (others := OTHERS.get(f"{resource}:{verb}")) is not None:
        return others
    return [f"models_catalog.{each}_{name}" for each in VERBS[verb] for name in ROWS[resource]]
