"""What does a provider block of a TOML file say: `[models."x".providers.y]`, `[providers."z"]`?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from models_catalog import addresses
from models_catalog.changes.values import NOTHING, Lookup, ProviderContent, ShareContent, provider_content, to_enter
from models_catalog.config.gateway.members import Members
from models_catalog.config.gateway.tensorzero_clouds import READERS, Cloud
from models_catalog.config.locations import read_location
from models_catalog.config.provider_types import NoSuchType, find_type, usual_location
from models_catalog.config.table import Table, kind
from models_catalog.models import Provider
from models_catalog.models.frozen import freeze
from providers.registry import ALLOWED_FIELDS, ProviderType

NO_SUCH = "is not imported: the catalog has no such setting"
NOT_IMPORTED = MappingProxyType(
    {
        "parse_think_blocks": "is not imported: reasoning is passed on as the provider sends it",
        "beta_structured_outputs": NO_SUCH,
        "content_type_overrides": NO_SUCH,
        "batch_cost": "is not imported: batches have no price of their own",
        "discard_unknown_chunks": "is not imported: chunks are passed on as the provider sends them",
        "include_encrypted_reasoning": NO_SUCH,
        "prompt_mode": NO_SUCH,
        "provider_tools": NO_SUCH,
        "reasoning_format": NO_SUCH,
    }
)
BY_RESPONSES = MappingProxyType({"openai": "openai_responses"})
"""The type that answers everything by the provider's Responses API."""

OTHER_VARIABLES = MappingProxyType({"azure_openai": "AZURE_API_KEY"})
"""The variables that TensorZero reads, where they are not the vendor's usual ones."""

MODEL_OPTION = "deployment_id"
"""Azure's name for the upstream model; it names the route's model when `model_name` does not."""


def read_provider(
    table: Table, defaults: Mapping[str, Lookup], *, with_model: bool = True, by_responses: bool = False
) -> tuple[ProviderContent | None, str]:
    """The provider of a block, and the upstream model that a route's block names ("" when it names none). `defaults` are the
    places of keys by type.

    None after an error in the type; every other error is in the findings too.
    """
    known = _type(table)
    base, other_base = table.text("api_base"), table.text("endpoint")
    if base and other_base:
        table.error("endpoint", "is the same as api_base; give one of them")
    location = read_location(table, "api_key_location")
    headers = _by_name(table, "extra_headers")
    body = _by_name(table, "extra_body")
    upstream_model = table.text("model_name") if with_model else ""
    for name, reason in NOT_IMPORTED.items():
        table.ignore((name,), reason)
    if known is None:
        return None, upstream_model
    cloud = _cloud(table, defaults.get(known.name))
    options = {**_options(table, known), **{name: value for name, value in cloud.options.items() if value}}
    if with_model and not upstream_model and isinstance(options.get(MODEL_OPTION), str):
        upstream_model = options.pop(MODEL_OPTION)
    stored = addresses.tidied(known.name, (base or other_base or cloud.api_base).strip(), options)
    members = Members(table)
    plain = members.read(Provider)
    content = provider_content(
        location or cloud.credential or _usual(table, known, defaults),
        type=BY_RESPONSES.get(known.name, known.name) if by_responses else known.name,
        api_base=stored["api_base"],
        extra_headers=freeze(_headers(table, headers)),
        more=_more(table),
        extra_body=freeze(body),
        options=freeze(stored["options"]),
        **plain,
    )
    members.close()
    table.close()
    return content, upstream_model or cloud.upstream_model


def _more(table: Table) -> tuple[ShareContent, ...]:
    """The further credentials: `more_credentials = [{ api_key_location = "env::NAME", weight = 1.0 }]`."""
    value = table.raw("more_credentials")
    if value is None:
        return ()
    if not isinstance(value, list):
        table.error("more_credentials", f"must be a list of tables, not {kind(value)}")
        return ()
    entries = (table.as_table(item, f"{table.at('more_credentials')}[{index}]") for index, item in enumerate(value))
    return tuple(share for entry in entries if entry is not None and (share := _share(entry)) is not None)


def _share(entry: Table) -> ShareContent | None:
    location, weight = read_location(entry, "api_key_location"), entry.number("weight")
    enabled = entry.flag("enabled", True)
    entry.close()
    if location is None or location == NOTHING:
        if "api_key_location" not in entry or location == NOTHING:
            entry.findings.error(entry.place, "api_key_location is missing")
        return None
    return ShareContent(location, 1.0 if weight is None else weight, enabled)


def _cloud(table: Table, default: Lookup | None) -> Cloud:
    reader = READERS.get(table.text("type"))
    return reader(table, default) if reader else Cloud()


def _usual(table: Table, known: ProviderType, defaults: Mapping[str, Lookup]) -> Lookup:
    """Where the key is when the block does not say; one to be entered when the block says something that cannot be read."""
    foreign = table.findings.foreign
    if "api_key_location" in table:
        return to_enter(f"{known.name} key") if foreign else NOTHING
    usual = defaults.get(known.name) or usual_location(known)
    other = OTHER_VARIABLES.get(known.name, "")
    if foreign and other in os.environ and usual.source == "env" and usual.location not in os.environ:
        return Lookup("env", other)
    return usual


def _type(table: Table) -> ProviderType | None:
    name = table.required_text("type")
    if not name:
        return None
    try:
        return find_type(name)
    except NoSuchType as error:
        foreign = f"the provider type {name!r} is not available in this gateway"
        table.findings.fail(table.at("type"), foreign if table.findings.foreign else str(error))
        return None


def _options(table: Table, known: ProviderType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in known.options:
        value = table.raw(name)
        if isinstance(value, (dict, list)):
            table.error(name, f"must be a single value, not {kind(value)}")
        elif value is not None and table.is_json(value, table.at(name)):
            found[name] = value
    allowed = table.texts(ALLOWED_FIELDS)
    return found if allowed is None else found | {ALLOWED_FIELDS: list(allowed)}


def _headers(table: Table, headers: dict[str, Any]) -> dict[str, str]:
    for name, value in headers.items():
        if not isinstance(value, str):
            table.error("extra_headers", f"the value of {name!r} must be a string, not {kind(value)}")
    return {name: value for name, value in headers.items() if isinstance(value, str)}


def _by_name(table: Table, name: str) -> dict[str, Any]:
    """A table, or TensorZero's list of `{name or pointer, value}`."""
    value = table.raw(name)
    if not isinstance(value, list):
        return table.json(name)
    found: dict[str, Any] = {}
    for index, item in enumerate(value):
        entry = table.as_table(item, f"{table.at(name)}[{index}]")
        if entry is not None:
            _add_entry(entry, found)
    return found


def _add_entry(entry: Table, found: dict[str, Any]) -> None:
    key = "pointer" if "pointer" in entry else "name"
    name = entry.required_text(key)
    if key == "pointer":
        if not name.startswith("/") or "/" in name[1:] or "~" in name:
            entry.error(key, 'only top-level fields are supported: "/name"')
        name = name[1:]
    if "delete" in entry:
        entry.skip("delete")
        entry.error("delete", "fields can be added or replaced, but not removed")
    elif "value" not in entry:
        entry.findings.error(entry.place, "value is missing")
    elif entry.is_json(entry.raw("value"), entry.at("value")):
        if name in found:
            entry.error(key, f"duplicate {name!r}")
        found[name] = entry.raw("value")
    entry.close()
