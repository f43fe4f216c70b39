"""Which roles are there? Django groups with these rights, made once: superusers change them as they like, and no later start
undoes that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

CATALOG = ("modeldefinition", "provider", "credential", "hook", "price", "accessgroup")
DRAFTS = ("changeset",)
OWNERS = ("tenant", "project", "person")
RULES = ("limit", "budget")
KEYS = ("clientkey",)
WISHES = ("keyrequest",)
SERVED = ("ledgerentry", "usagerecord", "sessionrow", "storedresponserow", "jobrow")
ALL = (*CATALOG, *DRAFTS, *OWNERS, *RULES, *KEYS, *WISHES, *SERVED, "user")
EDIT = ("view", "add", "change", "delete")


def rights(verbs: Iterable[str], models: Iterable[str]) -> Iterator[str]:
    return (f"{verb}_{model}" for model in models for verb in verbs)


ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Viewer": frozenset(rights(("view",), ALL)),
        "Operator": frozenset(
            [
                *rights(("view",), ALL),
                *rights(EDIT, (*CATALOG, *OWNERS, *RULES)),
                *rights(("view", "add", "change", "approve"), DRAFTS),
                *rights(("change",), (*WISHES, "usagerecord")),
            ]
        ),
        "Key issuer": frozenset(
            [
                *rights(("view",), (*OWNERS, *RULES, *WISHES, "modeldefinition", "accessgroup", "usagerecord")),
                *rights(("view", "add", "change"), KEYS),
                *rights(("change",), WISHES),
            ]
        ),
        "Security": frozenset(
            [
                *rights(("view",), (*OWNERS, *RULES, *WISHES, "modeldefinition", "accessgroup", "usagerecord", "sessionrow")),
                *rights(EDIT, (*KEYS, "user")),
                "view_logentry",
                "view_auditentry",
            ]
        ),
    }
)
"""Names of permissions by role. None has `view_session_bodies`, and no page shows a secret."""
APPS = ("models_catalog", "openai_api", "auth", "admin")


def make_roles(apps: Any, using: str) -> None:
    """After migrations: makes the groups that are not there. The permissions have been made by then."""
    try:
        groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # migrated by themselves, without the accounts
        return
    for name, codenames in ROLES.items():
        group, new = groups.objects.using(using).get_or_create(name=name)
        if new:
            found = permissions.objects.using(using).filter(codename__in=codenames, content_type__app_label__in=APPS)
            group.permissions.set(found)
