"""What does a TOML configuration say? The gateway's own format, which takes in that of TensorZero and its forks.

`docs/configuration-files.md` lists every field.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from models_catalog.changes.values import MOST_RETRIES, Lookup, ModelSettings, freeze
from models_catalog.config.document import Document, KeySpec, ModelSpec, ProviderSpec, RouteSpec
from models_catalog.config.findings import Findings, Unservable
from models_catalog.config.gateway.provider_block import read_provider
from models_catalog.config.gateway.tensorzero import OTHER_SECTIONS, RouteExtra, largest, read_defaults, read_extra, read_times
from models_catalog.config.prices import per_million
from models_catalog.config.table import Table, nearest, step
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
        "capabilities": "endpoints",
        "num_retries": "retry_config.num_retries",
        "max_retry_delay_s": "retry_config.max_delay_s",
        "connect_timeout_s": "timeouts.connect_s",
        "first_byte_timeout_s": "timeouts.first_byte_s",
        "idle_timeout_s": "timeouts.idle_s",
        "total_timeout_s": "timeouts.total_s",
        "input_price": "pricing.input_cost",
        "output_price": "pricing.output_cost",
        "upstream_model": "model_name",
        "credential": "api_key_location",
    }
)
"""What the catalog's fields are called in the file, where it is not the same."""

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
        names=NAMES,
        unread=frozenset(name for name, _, _ in tables),
    )
    root.ignore(OTHER_SECTIONS, "is not imported: it is no part of the catalog")
    root.close()
    return document


def _syntax_error(message: str) -> str:
    """tomllib's message without the names that it repeats, which may be client keys."""
    what, _, where = message.rpartition(" (at ")
    if re.match("Cannot (declare|mutate|overwrite)|Duplicate", what):
        what = "A name is given twice"
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
    )
    table.ignore(NOT_A_MODEL_SETTING, "is not imported: the catalog has no such setting")
    table.close()
    return model


def _settings(table: Table, capabilities: tuple[str, ...], extras: list[RouteExtra]) -> ModelSettings:
    retries, longest_pause = _retries(table)
    times = table.table("timeouts") or Table({}, table.at("timeouts"), table.findings)
    own = read_times(times)
    prices = _prices(table)
    if prices == (None, None):
        sides = [[extra.prices[side] for extra in extras] for side in (0, 1)]
        prices = largest(extras, sides[0], "cost", table), largest(extras, sides[1], "cost", table)
    first_byte = times.number("first_byte_s", positive=True) or own.first_byte
    total = times.number("total_s", positive=True) or own.total
    settings = ModelSettings(
        enabled=table.flag("enabled", True),
        capabilities=_capabilities(table, capabilities),
        num_retries=retries,
        max_retry_delay_s=longest_pause,
        connect_timeout_s=times.number("connect_s", positive=True),
        first_byte_timeout_s=first_byte or largest(extras, [extra.times.first_byte for extra in extras], "ttft_ms", table),
        idle_timeout_s=times.number("idle_s", positive=True),
        total_timeout_s=total or largest(extras, [extra.times.total for extra in extras], "total_ms", table),
        input_price=prices[0],
        output_price=prices[1],
        context_length=table.count("context_length", 0, least=1) or None,
        metadata=freeze(table.json("metadata")),
    )
    times.close()
    return settings


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


def _retries(table: Table) -> tuple[int, float]:
    retry = table.table("retry_config") or table.table("retries")
    if retry is None:
        return 0, 10.0
    if "num_retries" not in retry:
        retry.findings.error(retry.place, "num_retries is missing")
    count, longest = retry.count("num_retries", 0, most=MOST_RETRIES), retry.number("max_delay_s")
    retry.close()
    return count, 10.0 if longest is None else longest


def _prices(table: Table) -> tuple[Decimal | None, Decimal | None]:
    """Input and output price in US dollars for a million tokens."""
    if "pricing" in table:
        table.ignore(("inference_cost",), "is not imported: pricing is")
    prices = table.table("pricing") or table.table("inference_cost")
    if prices is None:
        return None, None
    if "per_tokens" not in prices:
        prices.findings.error(prices.place, "per_tokens is missing")
    per = prices.count("per_tokens", 1_000_000, least=1)
    currency = prices.text("currency", "USD")
    if currency != "USD":
        prices.error("currency", 'only "USD" is possible')
    found = [_price(prices, name, per) for name in ("input_cost", "output_cost")]
    prices.close()
    return found[0], found[1]


def _price(prices: Table, name: str, per: int) -> Decimal | None:
    cost = prices.number(name)
    return None if cost is None else per_million(prices, name, cost, per)


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
    enabled = table.flag("enabled", True)
    provider: object
    extra = RouteExtra(table.place)
    try:
        if "provider" in table:
            provider, upstream_model = table.required_text("provider"), table.text("model_name")
            if "type" in table:
                table.skip(*table)
                table.error("provider", "names a provider; its settings are not given again here")
            table.close()
        else:
            extra = read_extra(table)
            provider, upstream_model = read_provider(table, defaults, by_responses=extra.by_responses)
    except Unservable as missing:
        table.findings.leave_out(table.place, model, missing.finding.message)
        return None
    if not provider:
        return None
    route = RouteSpec(name=name, place=table.place, provider=provider, upstream_model=upstream_model or model, enabled=enabled)
    return route, extra


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
