"""What does a provider block of a TOML file say: `[models."x".providers.y]`, `[providers."z"]`?"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from models_catalog.config.document import NOTHING, ProviderContent, freeze
from models_catalog.config.locations import read_location
from models_catalog.config.provider_types import NoSuchType, find_type, usual_location
from models_catalog.config.table import Table, kind
from providers.registry import ALLOWED_FIELDS, ProviderType

NOT_IMPORTED = MappingProxyType({"parse_think_blocks": "is not imported: reasoning is passed on as the provider sends it"})
MODEL_OPTION = "deployment_id"
"""Azure's name for the upstream model; it names the route's model when `model_name` does not."""


def read_provider(table: Table, *, with_model: bool = True) -> tuple[ProviderContent | None, str]:
    """The provider of a block, and the upstream model that a route's block names ("" when it names none).

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
    options = _options(table, known)
    if with_model and not upstream_model and isinstance(options.get(MODEL_OPTION), str):
        upstream_model = options.pop(MODEL_OPTION)
    absent = "api_key_location" not in table
    content = ProviderContent(
        type=known.name,
        api_base=base or other_base,
        credential=usual_location(known) if absent else location or NOTHING,
        extra_headers=freeze(_headers(table, headers)),
        extra_body=freeze(body),
        options=freeze(options),
    )
    table.close()
    return content, upstream_model


def _type(table: Table) -> ProviderType | None:
    name = table.required_text("type")
    if not name:
        return None
    try:
        return find_type(name)
    except NoSuchType as error:
        table.error("type", str(error))
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
            table.error("extra_headers", f"the value of {name!r} must be a text, not {kind(value)}")
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
            entry.error(key, 'only fields at the top are possible: "/name"')
        name = name[1:]
    if "delete" in entry:
        entry.skip("delete")
        entry.error("delete", "fields cannot be removed; only added or replaced")
    elif "value" not in entry:
        entry.findings.error(entry.place, "value is missing")
    elif entry.is_json(entry.raw("value"), entry.at("value")):
        if name in found:
            entry.error(key, f"{name!r} is there twice")
        found[name] = entry.raw("value")
    entry.close()
