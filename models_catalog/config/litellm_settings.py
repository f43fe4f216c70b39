"""What do LiteLLM's settings say about all models, and how do the entries of one name become a model?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from models_catalog.config.document import MOST_RETRIES, Findings, ModelSettings, ModelSpec, RouteSpec, free_name
from models_catalog.config.litellm_entry import Entry
from models_catalog.config.table import Table, kind, nearest
from providers.capabilities import Capability

T = TypeVar("T")
RETRIES = 2
"""How often LiteLLM tries again when nothing is said."""

EVERY_MODEL = "*"
SLIP = 0.9


@dataclass(slots=True)
class Defaults:
    """`router_settings` and `litellm_settings`; the former win. `fallbacks` come with their places."""

    findings: Findings
    num_retries: int = RETRIES
    timeout: float | None = None
    stream_timeout: float | None = None
    fallbacks: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def fallbacks_of(self, model: str) -> tuple[tuple[str, ...], str]:
        """A model's fallbacks and their place: its own, else those for every model, unless it is one of them."""
        chosen, place = self.fallbacks.get(model) or self.fallbacks.get(EVERY_MODEL) or ((), "")
        return (chosen, place) if model in self.fallbacks or model not in chosen else ((), place)

    def check_names(self, models: Iterable[str]) -> None:
        """Fallbacks of a model that is not in the file are an error."""
        known = list(models)
        for name, (_, place) in self.fallbacks.items():
            if name not in known and name != EVERY_MODEL:
                self.findings.error(place, f"there is no model {name!r} in model_list{nearest(name, known)}")


def read_defaults(root: Table) -> Defaults:
    """What the settings of the file say; the rest of them is reported."""
    found = Defaults(root.findings)
    for section, timeout in (("litellm_settings", "request_timeout"), ("router_settings", "timeout")):
        settings = root.table(section)
        if settings is None:
            continue
        found.num_retries = settings.count("num_retries", found.num_retries, most=MOST_RETRIES)
        found.timeout = settings.number(timeout, positive=True) or found.timeout
        found.stream_timeout = settings.number("stream_timeout", positive=True) or found.stream_timeout
        if generic := settings.texts("default_fallbacks"):
            found.fallbacks[EVERY_MODEL] = (generic, settings.at("default_fallbacks"))
        found.fallbacks.update(_fallbacks(settings))
        report_rest(settings, ("num_retries", timeout, "stream_timeout", "default_fallbacks", "fallbacks"))
    return found


def report_rest(settings: Table, imported: Iterable[str]) -> None:
    """Members that are not imported: a warning, or an error for one that is most likely a slip."""
    for name in settings.rest():
        if hint := nearest(name, imported, SLIP):
            settings.error(name, f"unknown name{hint}")
        else:
            settings.findings.warn(settings.at(name), "is not imported: it is no part of the catalog")


def _fallbacks(settings: Table) -> dict[str, tuple[tuple[str, ...], str]]:
    """`fallbacks: [{model: [other, …]}, …]`."""
    value = settings.raw("fallbacks")
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
    capabilities = {entry.capability for entry in entries}
    settings = ModelSettings(
        capabilities=tuple(capability.value for capability in Capability if capability.value in capabilities),
        num_retries=_largest(entries, "num_retries", findings, defaults.num_retries),
        first_byte_timeout_s=_largest(entries, "stream_timeout", findings, defaults.stream_timeout),
        total_timeout_s=_largest(entries, "timeout", findings, defaults.timeout),
        input_price=_largest(entries, "input_price", findings, None),
        output_price=_largest(entries, "output_price", findings, None),
        context_length=_largest(entries, "context_length", findings, None),
    )
    return ModelSpec(
        name=name, place=place, settings=settings, routes=_routes(entries), fallbacks=fallbacks, fallbacks_place=fallbacks_place
    )


def _largest(entries: Sequence[Entry], column: str, findings: Findings, default: T) -> T:
    values = [value for entry in entries if (value := getattr(entry, column)) is not None]
    if len(set(values)) > 1:
        where = ", ".join(entry.place for entry in entries)
        findings.warn(where, f"these routes of one model differ in {column}; the largest value is used for all")
    return max(values, default=default)


def _routes(entries: Sequence[Entry]) -> tuple[RouteSpec, ...]:
    """The routes in order, called by the type of their provider and numbered."""
    routes: list[RouteSpec] = []
    for entry in sorted(entries, key=lambda entry: entry.order):
        if entry.content is not None:
            name = free_name(entry.content.type, [route.name for route in routes])
            routes.append(
                RouteSpec(name=name, place=entry.route_place, provider=entry.content, upstream_model=entry.upstream_model)
            )
    return tuple(routes)
