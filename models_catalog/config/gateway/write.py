"""How is the catalog written as a TOML configuration? In the gateway's own format, so that reading it changes nothing.

A provider stands inside the models that use it where its routes are called like it and no other provider is equal; else
it has a table of its own, to which routes refer by name. Stored secrets and the values of headers appear by name only, client
keys not at all: only their hashes are known.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from models_catalog.changes.state import CatalogState, ModelState, ProviderState, RouteState
from models_catalog.changes.values import NOTHING, ProviderContent, ShareContent
from models_catalog.config.gateway.hooks import write_hook
from models_catalog.config.gateway.members import written
from models_catalog.config.gateway.prices import write_price
from models_catalog.config.gateway.toml_text import write_table
from models_catalog.config.provider_types import NoSuchType, find_type, usual_location
from models_catalog.config.stored_headers import STORED
from models_catalog.models import ModelDefinition, Provider, Route
from models_catalog.models.columns import CAPABILITIES

HEADER = """\
# The catalog of a Signalbox gateway, made by `manage.py export_config`; `manage.py import_config` reads it.
# Stored secrets and the values of headers are referred to by name. Client keys are not in this file: only their hashes are known.

"""
Entry = tuple[tuple[str, ...], dict[str, Any]]


def write_gateway(state: CatalogState) -> str:
    """The TOML text of a catalog."""
    apart = _apart(state)
    tables: list[Entry] = [
        (("providers", name), _provider(name, state.providers[name], with_state=True)) for name in sorted(apart)
    ]
    for name, model in state.models.items():
        tables.append((("models", name), _model(model)))
        tables += [(("models", name, "providers", route.name), _route(route, state, apart)) for route in model.routes]
    tables += [(("hooks", name), _in_toml(write_hook(name, row, state))) for name, row in state.hooks.items()]
    return HEADER + "\n".join(write_table(path, table) for path, table in tables)


def write_object(kind: str, name: str, state: CatalogState) -> str:
    """The tables of one provider, model or hook. A model's routes refer to their providers by name."""
    if kind == "provider":
        tables: list[Entry] = [(("providers", name), _provider(name, state.providers[name], with_state=True))]
    elif kind == "hook":
        tables = [(("hooks", name), _in_toml(write_hook(name, state.hooks[name], state)))]
    else:
        model, apart = state.models[name], set(state.providers)
        tables = [(("models", name), _model(model))]
        tables += [(("models", name, "providers", route.name), _route(route, state, apart)) for route in model.routes]
    return "\n".join(write_table(path, table) for path, table in tables)


def _apart(state: CatalogState) -> set[str]:
    """The providers that need a table of their own: their state or their name would be lost inside a model."""
    routes = [route for model in state.models.values() for route in model.routes]
    renamed = {route.provider for route in routes if route.name != route.provider}
    used = {route.provider for route in routes}
    contents = Counter(row.content for row in state.providers.values())
    return {
        name
        for name, row in state.providers.items()
        if name in renamed or name not in used or not row.enabled or contents[row.content] > 1
    }


def _provider(name: str, row: ProviderState, *, with_state: bool = False) -> dict[str, Any]:
    content = row.content
    table: dict[str, Any] = {"type": content.type}
    if with_state and not row.enabled:
        table["enabled"] = False
    if api_base := content.settings.text("api_base"):
        table["api_base"] = api_base
    if not _goes_without_saying(content):
        table["api_key_location"] = str(content.credential)
    if content.more:
        table["more_credentials"] = [_share(share) for share in content.more]
    table.update(content.json("options"))
    if headers := content.json("extra_headers"):
        table["extra_headers"] = dict.fromkeys(headers, STORED + name)
    if body := content.json("extra_body"):
        table["extra_body"] = body
    return _in_toml({**table, **written(Provider, content.settings)})


def _share(share: ShareContent) -> dict[str, Any]:
    table: dict[str, Any] = {"api_key_location": str(share.credential), "weight": share.weight}
    return table if share.enabled else {**table, "enabled": False}


def _goes_without_saying(content: ProviderContent) -> bool:
    """Whether there is no key, and a file that does not mention one means just that."""
    try:
        return content.credential == NOTHING == usual_location(find_type(content.type))
    except NoSuchType:
        return False


def _model(row: ModelState) -> dict[str, Any]:
    """A model's table without its routes. What is looked for first comes first."""
    settings = written(ModelDefinition, row.settings)
    table: dict[str, Any] = {
        "routing": [route.name for route in row.routes],
        "endpoints": CAPABILITIES.thaw(row.settings["capabilities"]),
    }
    if "enabled" in settings:
        table["enabled"] = settings.pop("enabled")
    if row.fallbacks:
        table["fallback_models"] = list(row.fallbacks)
    if row.prices:
        settings["prices"] = [write_price(price) for price in row.prices]
    return _in_toml({**table, **settings})


def _route(route: RouteState, state: CatalogState, apart: set[str]) -> dict[str, Any]:
    table: dict[str, Any] = {"provider": route.provider}
    if route.provider not in apart:
        table = _provider(route.provider, state.providers[route.provider])
    return _in_toml({**table, "model_name": route.settings["upstream_model"], **written(Route, route.settings)})


def _in_toml(table: dict[str, Any]) -> dict[str, Any]:
    """With the JSON text of those objects that TOML has no values for."""
    return {
        name: json.dumps(value) if isinstance(value, dict) and not _is_toml(value) else value for name, value in table.items()
    }


def _is_toml(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_toml(name) and _is_toml(item) for name, item in value.items())
    if isinstance(value, list):
        return all(_is_toml(item) for item in value)
    if isinstance(value, str):
        return value.isascii() or value.encode("utf-8", "ignore").decode() == value
    return value is not None
