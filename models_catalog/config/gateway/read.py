"""What does a TOML configuration say? The gateway's own format, which takes in that of TensorZero and its forks.

`docs/configuration-files.md` lists every field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from models_catalog.changes.values import Lookup
from models_catalog.config.document import Document, KeySpec, ModelSpec, ProviderSpec, RouteSpec
from models_catalog.config.findings import Findings, Unservable
from models_catalog.config.gateway.hooks import read_hook
from models_catalog.config.gateway.members import Members
from models_catalog.config.gateway.prices import read_prices
from models_catalog.config.gateway.provider_block import read_provider
from models_catalog.config.gateway.tensorzero import OTHER_SECTIONS, RouteExtra, add_to_model, read_defaults, read_extra
from models_catalog.config.table import Table, nearest, step
from models_catalog.models import Hook, ModelDefinition, Provider, Route
from models_catalog.models.columns import columns_of, settings_for
from models_catalog.models.frozen import Settings
from providers.capabilities import Capability
from providers.types import Secret

CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        **{capability.value: capability.value for capability in Capability},
        "completions": "completion",
        "realtime_session": "realtime",
        "realtime_transcription": "realtime",
    }
)
"""Every accepted spelling of a capability, and its stored one."""

NOT_A_MODEL_SETTING = ("rate_limits", "guardrail_profile", "skip_relay")
NAMES: Mapping[str, str] = MappingProxyType(
    {
        **{column.name: column.file for model in (ModelDefinition, Provider, Route, Hook) for column in columns_of(model)},
        "credential": "api_key_location",
    }
)
"""What the catalog's fields are called in the file."""

KEY_FIELDS = ("endpoint_id", "model_id", "project_id", "prompt_id", "prompt_version_id", "version")


def read_gateway(text: str, findings: Findings, file: str = "") -> Document:
    """The document of a TOML text. What is wrong with it is added to the findings."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        findings.fatal("", _syntax_error(str(error)))
        return Document(names=NAMES)
    except RecursionError:
        findings.fatal("", "is nested too deeply")
        return Document(names=NAMES)
    root = Table(values, "", findings)
    defaults = read_defaults(root)
    tables = [(name, table, "chat") for name, table in root.tables("models")]
    tables += [(name, table, "embedding") for name, table in root.tables("embedding_models")]
    models = [_servable(name, table, (capability,), defaults) for name, table, capability in tables]
    providers = [_provider(name, table, defaults) for name, table in root.tables("providers")]
    keys = _client_keys(root)
    document = Document(
        models=(*(model for model in models if model), *(_aliases(keys, models) if findings.foreign else ())),
        providers=tuple(provider for provider in providers if provider),
        client_keys=tuple(spec for spec, _ in keys),
        lists_keys="api_keys" in root,
        hooks=tuple(read_hook(name, table) for name, table in root.tables("hooks")),
        lists_hooks="hooks" in root,
        names=NAMES,
        unread=frozenset(name for name, _, _ in tables),
    )
    root.ignore(OTHER_SECTIONS, "is not imported: not part of the catalog")
    root.close()
    return document


def read_model(name: str, values: Mapping[str, object], findings: Findings) -> ModelSpec | None:
    """The model of that name, as it stands in `[models."name"]`. What is wrong with it is added to the findings."""
    return _servable(name, Table(values, step("models", name), findings), ("chat",), {})


def _syntax_error(message: str) -> str:
    """tomllib's message without the names that it repeats, which may be client keys."""
    what, _, where = message.rpartition(" (at ")
    if re.match("Cannot (declare|mutate|overwrite)|Duplicate", what):
        what = "Duplicate key"
    return f"not valid TOML at {where.removesuffix(')')}: {what}" if where else f"not valid TOML: {message}"


def _servable(name: str, table: Table, capabilities: tuple[str, ...], defaults: Mapping[str, Lookup]) -> ModelSpec | None:
    try:
        return _model(name, table, capabilities, defaults)
    except Unservable as missing:
        table.findings.leave_out(missing.finding.place, name, missing.finding.message)
        return None


def _model(name: str, table: Table, capabilities: tuple[str, ...], defaults: Mapping[str, Lookup]) -> ModelSpec:
    found = _routes(name, table, defaults)
    extras = [extra for _, extra in found]
    if any(extra.by_responses for extra in extras):
        capabilities = (*capabilities, Capability.RESPONSES.value)
    model = ModelSpec(
        name=name,
        place=table.place,
        settings=_settings(table, capabilities, extras),
        routes=tuple(route for route, _ in found),
        fallbacks=table.texts("fallback_models") or (),
        fallbacks_place=table.at("fallback_models"),
        prices=read_prices(table, {route.name for route, _ in found}),
    )
    table.ignore(NOT_A_MODEL_SETTING, "is not imported: the catalog has no such setting")
    table.close()
    return model


def _settings(table: Table, capabilities: tuple[str, ...], extras: list[RouteExtra]) -> Settings:
    members = Members(table)
    found = members.read(ModelDefinition)
    found["capabilities"] = _capabilities(table, capabilities)
    add_to_model(found, members.group("timeouts"), extras, table)
    members.close()
    return settings_for(ModelDefinition, **found)


def _capabilities(table: Table, default: tuple[str, ...]) -> tuple[str, ...]:
    names = table.texts("endpoints")
    if names is None:
        return default
    if not names:
        table.error("endpoints", "must not be empty")
    for name in names:
        if name not in CAPABILITIES:
            hint = nearest(name, CAPABILITIES) or "; known are " + ", ".join(Capability)
            table.error("endpoints", f"unknown capability {name!r}{hint}")
    chosen = {CAPABILITIES[name] for name in names if name in CAPABILITIES}
    return tuple(capability.value for capability in Capability if capability.value in chosen)


def _routes(model: str, table: Table, defaults: Mapping[str, Lookup]) -> list[tuple[RouteSpec, RouteExtra]]:
    """The routes in the order of `routing`, which must name every provider block once."""
    routing = table.texts("routing")
    blocks = dict(table.tables("providers"))
    if "routing" not in table:
        table.findings.error(table.place, "routing is missing")
    elif routing == () and table.flag("enabled", True):
        table.findings.fail(table.at("routing"), "must not be empty, unless the model is disabled")
    order = tuple(blocks) if routing is None else tuple(dict.fromkeys(routing))
    for name in order:
        if name not in blocks:
            hint = nearest(name, blocks) or f"; add [{step(table.at('providers'), name)}]"
            table.error("routing", f"{name!r} is not one of the model's providers{hint}")
    used = dict(sorted(blocks.items(), key=lambda item: _rank(order, item[0])))
    for name, block in blocks.items():
        if name not in order:
            table.findings.leave_out(block.place, model, "is not in the model's routing")
            if table.findings.foreign:
                del used[name]
    found = [_route(model, name, block, defaults) for name, block in used.items()]
    return [pair for pair in found if pair]


def _rank(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _route(model: str, name: str, table: Table, defaults: Mapping[str, Lookup]) -> tuple[RouteSpec, RouteExtra] | None:
    settings = Members(table).read(Route)
    provider: object
    extra = RouteExtra(table.place)
    try:
        if "provider" in table:
            provider, upstream_model = table.required_text("provider"), table.text("model_name")
            if "type" in table:
                table.skip(*table)
                table.error("provider", "refers to a provider by name; its settings do not belong here")
            table.close()
        else:
            extra = read_extra(table)
            provider, upstream_model = read_provider(table, defaults, by_responses=extra.by_responses)
    except Unservable as missing:
        table.findings.leave_out(table.place, model, missing.finding.message)
        return None
    if not provider:
        return None
    settings["upstream_model"] = upstream_model or model
    return RouteSpec(name=name, place=table.place, provider=provider, settings=settings_for(Route, **settings)), extra


def _provider(name: str, table: Table, defaults: Mapping[str, Lookup]) -> ProviderSpec | None:
    enabled = table.flag("enabled", True)
    try:
        content, _ = read_provider(table, defaults, with_model=False)
    except Unservable as missing:
        table.findings.leave_out(table.place, name, missing.finding.message)
        return None
    return ProviderSpec(name=name, place=table.place, content=content, enabled=enabled)


def _client_keys(root: Table) -> list[tuple[KeySpec, Mapping[str, str]]]:
    """The keys, each with what its models are called in `endpoint_id`."""
    section = root.table("api_keys")
    if section is None:
        return []
    return [_client_key(section, number, key) for number, key in enumerate(section, start=1)]


def _client_key(section: Table, number: int, key: str) -> tuple[KeySpec, Mapping[str, str]]:
    """The key is the name of its table, so its place is a number."""
    place = f"{section.place}[{number}]"
    table = section.as_table(section.raw(key), place)
    models = {name: _endpoint(entry) for name, entry in (table.members() if table else ()) if name != "__metadata__"}
    return KeySpec(place=place, key=Secret(key), models=tuple(models)), models


def _endpoint(entry: Table) -> str:
    """The id that a fork of TensorZero gives a model of a key."""
    found = [entry.text(name) for name in KEY_FIELDS]
    entry.close()
    return found[KEY_FIELDS.index("endpoint_id")]


def _aliases(keys: list[tuple[KeySpec, Mapping[str, str]]], models: list[ModelSpec | None]) -> list[ModelSpec]:
    """The names by which keys know models that the file calls by their ids: each becomes a model with the same routes."""
    known = {model.name: model for model in models if model}
    found: dict[str, ModelSpec] = {}
    for spec, endpoints in keys:
        for name, endpoint in endpoints.items():
            if name not in known and endpoint in known:
                found.setdefault(name, replace(known[endpoint], name=name, place=step(spec.place, name)))
    return list(found.values())
