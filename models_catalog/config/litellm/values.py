"""What does a value of a LiteLLM file stand for? `os.environ/NAME`, a key or a placeholder, the address of a server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from models_catalog import validation
from models_catalog.changes.values import NOTHING, Lookup, to_enter
from models_catalog.config.litellm import names
from models_catalog.config.provider_types import usual_location
from models_catalog.config.table import Table
from models_catalog.placeholders import is_placeholder, is_unfilled, shell_variable
from providers.registry import ProviderType
from providers.types import Secret

FROM_ENVIRONMENT = "os.environ/"
ADDRESSES = ("api_base", "base_url")
SHARED = "litellm_credential_name"
"""Still there when `credential_list` has no such credential."""

LOCAL_PATHS = ("", "/")
ELSEWHERE = ("oidc/", "google/", "aws/")
"""Beginnings of keys that LiteLLM fetches from a service."""


def resolved(table: Table, skipped: Iterable[str] = ()) -> Table:
    """The table with `os.environ/NAME` read from the environment, except in the members `skipped`."""
    left = set(skipped)
    values = {name: table.raw(name) if name in left else _resolved(table, name, table.raw(name)) for name in table}
    return Table(values, table.place, table.findings)


def _resolved(table: Table, name: str, value: object) -> object:
    if isinstance(value, dict):
        found = {key: _resolved(table, name, item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None or value[key] is None}
    if isinstance(value, list):
        found_items = [(_resolved(table, name, item), item) for item in value]
        return [item for item, given in found_items if item is not None or given is None]
    if not isinstance(value, str) or not value.startswith(FROM_ENVIRONMENT):
        return value
    return _variable(table, name, value.removeprefix(FROM_ENVIRONMENT).strip())


def _variable(table: Table, name: str, variable: str) -> str | None:
    """Its value. An address stays a reference while the variable is not set: it is out of service until then."""
    unset = f"the environment variable {variable} is not set"
    if variable in os.environ:
        table.findings.warn(table.at(name), f"the value of {variable} is read now; later changes of the variable have no effect")
        return os.environ[variable]
    if table.findings.foreign and name in ADDRESSES and is_variable(variable):
        table.findings.warn(table.at(name), f"{unset}; the provider is out of service until it is")
        return validation.FROM_ENVIRONMENT + variable
    if name == "model":
        table.findings.fail(table.at(name), unset)
    else:
        table.error(name, f"{unset}; the value is skipped" if table.findings.foreign else unset)
    return None


def is_variable(name: str) -> bool:
    """Whether this can be the name of an environment variable."""
    try:
        validation.check_variable(name)
    except ValidationError:
        return False
    return True


def credential_of(params: Table, known: ProviderType, provider: str, vendor: names.Vendor | None) -> Lookup:
    """Where the key is: in the variable that is named, here, or where LiteLLM looks when nothing is said."""
    shared = params.text(SHARED)
    key = params.text("api_key").strip()
    if shared and not key:
        return to_enter(shared)
    if key.startswith(FROM_ENVIRONMENT):
        return _named(params, known, key.removeprefix(FROM_ENVIRONMENT).strip())
    if key and (fault := _fault(key)) and params.findings.foreign:
        params.findings.warn(params.at("api_key"), f"the key is not imported: {fault}; enter it in the admin")
        return to_enter(shell_variable(key) or f"{known.name} key")
    if key:
        return Lookup("stored", secret=Secret(key))
    if vendor is not None:
        own = vendor.api_base and any(name in params for name in ADDRESSES)  # another server: not the vendor's key
        return Lookup("env", vendor.key_variable) if vendor.key_variable and not own else NOTHING
    usual = usual_location(known)
    named = names.OWN_KEY_VARIABLES.get(provider) or names.KEY_VARIABLES.get(known.name)
    return usual if usual == NOTHING else Lookup("env", named or usual.location)


def _named(params: Table, known: ProviderType, variable: str) -> Lookup:
    if not params.findings.foreign or is_variable(variable):
        return Lookup("env", variable)
    params.findings.warn(params.at("api_key"), "the key is not imported: not a valid name of an environment variable")
    return to_enter(shell_variable(variable) or f"{known.name} key")


def _fault(key: str) -> str:
    """Why this is no key; "" if it may be one. Does not repeat it."""
    if variable := shell_variable(key):
        return f"it is a reference to {variable}, which was not replaced: write os.environ/{variable}"
    if is_placeholder(key):
        return "it is a placeholder"
    if key.startswith(ELSEWHERE):
        return "it is fetched from a service, which is not supported"
    if any(character.isspace() or not character.isprintable() for character in key):
        return "it contains spaces or control characters"
    return "" if key.isascii() else "it contains characters that are not ASCII, which no HTTP header can carry"


def api_base_of(params: Table, known: ProviderType, provider: str, vendor: names.Vendor | None) -> str:
    """The address of the server: as given, or where LiteLLM looks when nothing is said; "" for the type's own."""
    base = (params.text("api_base") or params.text("base_url")).strip()
    if is_unfilled(base):
        params.findings.fail(params.at("api_base"), "is a placeholder, not an address")
    variable = names.BASE_VARIABLES.get(provider, "")
    if not base and variable and params.findings.foreign and not known.api_base:
        base = os.environ.get(variable, "").strip() or validation.FROM_ENVIRONMENT + variable
        params.findings.warn(params.place, f"api_base is missing: it is taken from the variable {variable}, as LiteLLM does")
    elif not base and (set_now := _elsewhere(provider)):
        base = validation.FROM_ENVIRONMENT + set_now
        params.findings.warn(
            params.place, f"api_base is missing: it is taken from the variable {set_now}, which is set, as LiteLLM does"
        )
    # LiteLLM speaks Ollama's own API; its OpenAI-compatible one is below /v1.
    if base and known.name == "ollama" and urlsplit(base).path in LOCAL_PATHS:
        return base.rstrip("/") + "/v1"
    return base or (vendor.api_base if vendor else "")


def _elsewhere(provider: str) -> str:
    """The variable that moves a provider from its usual address, "" if none is set."""
    return next((name for name in names.MOVED_BY.get(provider, ()) if os.environ.get(name, "").strip()), "")


def shared_credentials(tables: Iterable[Table]) -> dict[str, Mapping[str, object]]:
    """`credential_list`: the members that an entry gets when it names one of them."""
    found: dict[str, Mapping[str, object]] = {}
    for table in tables:
        name = table.text("credential_name")
        values = table.table("credential_values")
        table.skip("credential_info")
        table.close()
        if not name:
            table.findings.error(table.place, "credential_name is missing")
        elif values is not None:
            found[name] = {member: values.raw(member) for member in values}
    return found
