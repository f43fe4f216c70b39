"""What do LiteLLM's settings say about all models, and how do the entries of one name become a model?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from models_catalog.config.document import ModelSpec, RouteSpec, free_name
from models_catalog.config.findings import Findings
from models_catalog.config.litellm.entry import Entry
from models_catalog.config.litellm.rates import price_rows
from models_catalog.config.litellm.sharing import shared, strategy_for, strategy_of
from models_catalog.config.litellm.values import resolved
from models_catalog.config.table import Table, kind, nearest
from models_catalog.models import ModelDefinition, Route
from models_catalog.models.columns import settings_for
from models_catalog.models.model import MOST_RETRIES, Strategy
from models_catalog.snapshot import STAR, with_rest
from providers.capabilities import Capability

T = TypeVar("T")
RETRIES = 2
"""How often LiteLLM tries again when nothing is said."""

EVERY_MODEL = "*"
ALIASES = ("model_group_alias", "model_alias_map")
SLIP = 0.9


@dataclass(slots=True)
class Defaults:
    """`router_settings` and `litellm_settings`; the former win. `fallbacks` and `aliases` come with their places."""

    findings: Findings
    num_retries: int = RETRIES
    strategy: Strategy = Strategy.WEIGHTED
    timeout: float | None = None
    stream_timeout: float | None = None
    fallbacks: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    aliases: dict[str, tuple[str, str]] = field(default_factory=dict)

    def fallbacks_of(self, model: str) -> tuple[tuple[str, ...], str]:
        """A model's fallbacks and their place: its own, else those for every model, unless it is one of them."""
        chosen, place = self.fallbacks.get(model) or self.fallbacks.get(EVERY_MODEL) or ((), "")
        return (chosen, place) if model in self.fallbacks or model not in chosen else ((), place)

    def check_names(self, models: Iterable[str]) -> None:
        """Fallbacks of a model that is not in the file are an error."""
        known = list(models)
        for name, (_, place) in self.fallbacks.items():
            if name not in known and name != EVERY_MODEL:
                self.findings.error(place, f"unknown model {name!r}: it is not in model_list{nearest(name, known)}")


def read_defaults(roots: Iterable[Table], findings: Findings) -> Defaults:
    """What the settings of the file say, and then those of the files that it includes; the rest of them is reported."""
    found = Defaults(findings)
    for root in roots:
        for section, timeout in (("litellm_settings", "request_timeout"), ("router_settings", "timeout")):
            settings = root.table(section)
            if settings is not None:
                _read_section(settings, timeout, found)
    return found


def _read_section(settings: Table, timeout: str, found: Defaults) -> None:
    imported = ("num_retries", timeout, "stream_timeout", "default_fallbacks", "fallbacks", "routing_strategy", *ALIASES)
    settings = resolved(settings, [name for name in settings if name not in imported])
    found.num_retries = settings.count("num_retries", found.num_retries, most=MOST_RETRIES)
    found.timeout = settings.number(timeout, positive=True) or found.timeout
    found.stream_timeout = settings.number("stream_timeout", positive=True) or found.stream_timeout
    found.strategy = strategy_of(settings, found.strategy)
    if generic := settings.texts("default_fallbacks"):
        found.fallbacks[EVERY_MODEL] = (generic, settings.at("default_fallbacks"))
    found.fallbacks.update(_fallbacks(settings))
    for name in ALIASES:
        found.aliases.update(_aliases(settings.table(name)))
    report_rest(settings, imported)


def _aliases(section: Table | None) -> dict[str, tuple[str, str]]:
    """`{alias: model}`, or `{alias: {model: …, hidden: …}}`."""
    found: dict[str, tuple[str, str]] = {}
    for alias in section or ():
        if section is None:
            continue
        if isinstance(section.raw(alias), dict) and (table := section.table(alias)):
            found[alias] = (table.text("model"), section.at(alias))
            table.ignore(("hidden",), "is not imported: every model is listed")
            report_rest(table, ())
        else:
            found[alias] = (section.text(alias), section.at(alias))
    return {alias: (model, place) for alias, (model, place) in found.items() if model}


def report_rest(settings: Table, imported: Iterable[str]) -> None:
    """Members that are not imported: a warning, or an error for one that is most likely a slip."""
    for name in settings.rest():
        if hint := nearest(name, imported, SLIP):
            settings.error(name, f"unknown name{hint}")
        else:
            settings.findings.ignore(settings.at(name), "is not imported: not part of the catalog")


def _fallbacks(settings: Table) -> dict[str, tuple[tuple[str, ...], str]]:
    """`fallbacks: [{model: [other, …]}, …]`."""
    value = settings.raw("fallbacks")
    if isinstance(value, dict) and settings.findings.foreign:
        value = [value]
    if value is not None and not isinstance(value, list):
        settings.error("fallbacks", f"must be a list, not {kind(value)}")
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for index, item in enumerate(value if isinstance(value, list) else ()):
        table = settings.as_table(item, f"{settings.at('fallbacks')}[{index}]")
        for model in table or ():
            if table is not None:
                found[model] = (table.texts(model) or (), table.at(model))
    return found


def combine(name: str, entries: Sequence[Entry], defaults: Defaults, findings: Findings) -> ModelSpec:
    """The model of all entries of that name. Where they differ in what belongs to the model, the largest value counts."""
    place = entries[0].place
    fallbacks, fallbacks_place = defaults.fallbacks_of(name)
    capabilities = frozenset().union(*(entry.capabilities for entry in entries))
    settings = settings_for(
        ModelDefinition,
        capabilities=tuple(capability.value for capability in Capability if capability.value in capabilities),
        num_retries=_largest(entries, "num_retries", findings, defaults.num_retries),
        first_byte_timeout_s=_largest(entries, "stream_timeout", findings, defaults.stream_timeout),
        total_timeout_s=_largest(entries, "timeout", findings, defaults.timeout),
        input_price=_largest(entries, "input_price", findings, None),
        output_price=_largest(entries, "output_price", findings, None),
        context_length=_largest(entries, "context_length", findings, None),
        strategy=strategy_for(_servable(entries), defaults.strategy),
    )
    routes = _routes(entries)
    return ModelSpec(
        name=name,
        place=place,
        settings=settings,
        routes=tuple(route for route, _ in routes),
        fallbacks=fallbacks,
        fallbacks_place=fallbacks_place,
        prices=price_rows([(route.name, rates) for route, rates in routes]),
    )


def _largest(entries: Sequence[Entry], column: str, findings: Findings, default: T) -> T:
    values = [value for entry in entries if (value := getattr(entry, column)) is not None]
    if len(set(values)) > 1:
        where = ", ".join(entry.place for entry in entries)
        findings.warn(where, f"these routes of one model differ in {column}; the largest value is used for all")
    return max(values, default=default)


def alias_specs(defaults: Defaults, models: Sequence[ModelSpec], findings: Findings) -> list[ModelSpec]:
    """A model for each alias, with the routes of the one that it means."""
    known = {model.name: model for model in models}
    found = []
    for alias, (name, place) in defaults.aliases.items():
        meant = known.get(name) or _by_pattern(name, models)
        if alias in known:
            findings.ignore(place, "is not imported: there is a model of this name")
        elif meant is None:
            findings.leave_out(place, alias, f"unknown model {name!r}: it is not in model_list{nearest(name, known)}")
        else:
            fallbacks = tuple(other for other in meant.fallbacks if other != alias)
            found.append(replace(meant, name=alias, place=place, fallbacks=fallbacks))
    return found


def _by_pattern(name: str, models: Iterable[ModelSpec]) -> ModelSpec | None:
    """The model of that name as the longest pattern that fits it gives it."""
    patterns = [model for model in models if model.name.endswith(STAR) and name.startswith(model.name[:-1])]
    best = max(patterns, key=lambda model: len(model.name), default=None)
    if best is None:
        return None
    rest = name.removeprefix(best.name[:-1])
    routes = (_with_rest(route, rest) for route in best.routes)
    return replace(best, routes=tuple(routes))


def _with_rest(route: RouteSpec, rest: str) -> RouteSpec:
    upstream_model = with_rest(route.settings.text("upstream_model"), rest)
    return replace(route, settings=route.settings.replaced(upstream_model=upstream_model))


def _routes(entries: Sequence[Entry]) -> list[tuple[RouteSpec, str]]:
    """The routes in order, called by the type of their provider and numbered, with their further rates."""
    routes: list[tuple[RouteSpec, str]] = []
    listed = _servable(entries)
    said = shared(listed, [settings_for(Route, upstream_model=entry.upstream_model) for entry in listed])
    for entry, settings in zip(listed, said, strict=True):
        if entry.content is not None:
            name = free_name(entry.content.type, [route.name for route, _ in routes])
            spec = RouteSpec(name=name, place=entry.route_place, provider=entry.content, settings=settings)
            routes.append((spec, entry.rates))
    return routes


def _servable(entries: Sequence[Entry]) -> list[Entry]:
    """Those whose provider could be read, by their order."""
    return sorted((entry for entry in entries if entry.content is not None), key=lambda entry: entry.order)
