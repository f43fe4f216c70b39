"""What does a row of a file say of a client key? Its fields, by the names that the gateway and LiteLLM have for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.clients import values
from models_catalog.key_import.clients.values import BadField
from providers.types import Secret

ATTRIBUTES: Mapping[str, tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "key": ("key", values.text),
        "api_key": ("key", values.text),
        "token": ("key", values.text),
        "key_hash": ("key", values.text),
        "name": ("name", values.text),
        "key_alias": ("name", values.text),
        "models": ("models", values.texts),
        "aliases": ("aliases", values.pairs),
        "expires": ("expires_at", values.moment),
        "expires_at": ("expires_at", values.moment),
        "enabled": ("enabled", values.flag),
        "blocked": ("blocked", values.flag),
        "rpm": ("rpm", values.count),
        "rpm_limit": ("rpm", values.count),
        "tpm": ("tpm", values.count),
        "tpm_limit": ("tpm", values.count),
        "max_concurrent": ("max_concurrent", values.count),
        "max_parallel_requests": ("max_concurrent", values.count),
        "budget": ("budget", values.money),
        "max_budget": ("budget", values.money),
        "soft_budget": ("soft_budget", values.money),
        "budget_period": ("budget_period", values.period),
        "budget_duration": ("budget_period", values.period),
        "project": ("project", values.text),
        "team_alias": ("project", values.text),
        "team_id": ("team_id", values.text),
        "person": ("person", values.text),
        "user_id": ("person", values.text),
        "user_email": ("email", values.text),
        "tenant": ("tenant", values.text),
        "organization_id": ("tenant", values.text),
        "allowed_networks": ("networks", values.texts),
        "max_wait": ("max_wait_s", values.seconds),
        "record_bodies": ("record_bodies", values.flag),
    }
)
"""Name in the file → attribute of the row, and how its value is read."""

KNOWN_NAMES = (
    "key (or token, key_hash), name, models, aliases, expires, enabled, rpm, tpm, max_concurrent, budget, budget_period, "
    "project, person, tenant, allowed_networks, max_wait, record_bodies; and LiteLLM's"
)
KEY_NAMES = frozenset(name for name, (attribute, _) in ATTRIBUTES.items() if attribute == "key")
BUDGET_TABLE = "litellm_budget_table"
"""Where LiteLLM has limits that several keys share; a key's own go before."""
RESTRICTING = frozenset(
    {
        "allowed_routes",
        "budget_limits",
        "guardrails",
        "model_max_budget",
        "model_rpm_limit",
        "model_tpm_limit",
        "object_permission",
        "policies",
    }
)
"""Fields of LiteLLM that take something from a key and that the catalog does not have: they are told of where they are set."""
IGNORED = frozenset(
    {
        "agent_id", "allowed_cache_controls", "auto_rotate", "budget_id", "budget_reset_at", "config", "created_at",
        "created_by", "description", "key_name", "key_rotation_at", "key_type", "last_active", "last_refreshed_at",
        "last_rotation_at", "metadata", "model_spend", "object_permission_id", "org_id", "permissions", "project_id",
        "rotation_count", "rotation_interval", "router_settings", "rpm_limit_type", "spend", "tags", "team", "tpm_limit_type",
        "updated_at", "updated_by", "user", "user_role", "organization", "access_group_ids", "key_aliases",
    }
)  # fmt: skip
"""Fields of LiteLLM that are not taken over, and take nothing from a key."""
TAKEN_OR_HARMLESS = ATTRIBUTES.keys() | IGNORED | {BUDGET_TABLE}
KNOWN = TAKEN_OR_HARMLESS | RESTRICTING
OF_LITELLM = "token"


@dataclass(frozen=True, slots=True)
class ClientKeyRow:
    """One client key. `number` is the line of a CSV or text file, the position of a JSON entry, from 1. `models` None allows all;
    `lost` are the fields that restrict the key elsewhere and cannot here. Money is in US dollars."""

    number: int
    key: Secret
    name: str = field(default="", repr=False)
    models: tuple[str, ...] | None = field(default=None, repr=False)
    aliases: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: datetime | None = None
    enabled: bool = True
    rpm: int | None = None
    tpm: int | None = None
    max_concurrent: int | None = None
    budget: Decimal | None = None
    soft_budget: Decimal | None = None
    budget_period: str = "total"
    tenant: str = field(default="", repr=False)
    project: str = field(default="", repr=False)
    person: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    networks: tuple[str, ...] = field(default=(), repr=False)
    max_wait_s: float = 0.0
    record_bodies: bool = False
    lost: tuple[str, ...] = ()


def fault_of_names(names: list[str]) -> str:
    """What is wrong with the fields of a file, "" if nothing. Does not quote them: a file without a header starts with a key.
    LiteLLM's rows, which are known by their `token`, may have fields that are not known yet."""
    for position, name in enumerate(names, start=1):
        if OF_LITELLM not in names and name not in KNOWN:
            return f"unknown name of field {position}; known names: {KNOWN_NAMES}"
    if not KEY_NAMES & set(names):
        return "missing field key (or token, key_hash)"
    return "duplicate field" if len(set(names)) < len(names) else ""


@sensitive_variables()
def row_of(number: int, fields: Mapping[str, Any]) -> ClientKeyRow:
    """The row of an object. Raises `BadField`, whose text quotes nothing of it."""
    if fault := fault_of_names(list(fields)):
        raise BadField(fault)
    shared = fields.get(BUDGET_TABLE)
    table = shared if isinstance(shared, Mapping) else {}
    limits = {name: value for name, value in table.items() if name in ATTRIBUTES}
    found = {**_read(limits), **_read(fields)}
    team, blocked = found.pop("team_id", None), found.pop("blocked", None)
    if blocked:
        found["enabled"] = False
    found["project"] = found.get("project") or team or ""
    if "models" in found:
        found["models"] = values.allowed(found["models"])
    key = found.pop("key", "")
    if not key:
        raise BadField("the key is missing")
    lost = tuple(sorted(name for name in fields if name not in TAKEN_OR_HARMLESS and not values.is_empty(fields[name])))
    return ClientKeyRow(number, Secret(key), lost=lost, **found)


def _read(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are given: what is empty says nothing."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ATTRIBUTES and not values.is_empty(value):
            attribute, read = ATTRIBUTES[name]
            try:
                found.setdefault(attribute, read(value))
            except ValueError as error:
                raise BadField(f"{name} {error}") from None
    return found
