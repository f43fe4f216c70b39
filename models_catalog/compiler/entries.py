"""What is made of models, routes and fallbacks? The entries that requests find, and those of names that end in a star."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from models_catalog import validation
from models_catalog.compiler.cards import Card
from models_catalog.compiler.patterns import one_of_many
from models_catalog.compiler.prices import price_list
from models_catalog.compiler.problems import Problems, Unusable, check
from models_catalog.compiler.rows import Rows
from models_catalog.compiler.targets import groups_of, target_configs
from models_catalog.compiler.upstreams import Upstream, Upstreams
from models_catalog.models import ModelDefinition, Route
from models_catalog.snapshot import STAR, CacheUse, ModelEntry, RetryPolicy, Strategy, Wildcard, Wildcards
from models_catalog.target_ids import target_id
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.types import Target

READS, WRITES = frozenset({"on", "read_only"}), frozenset({"on", "write_only"})

Able = tuple[Target, frozenset[Capability]]


class Entries:
    """Turns the models of one moment into entries. `served` holds all of them, patterns included, in the order of names."""

    def __init__(self, rows: Rows, problems: Problems) -> None:
        self._rows = rows
        self._problems = problems
        self._upstreams = Upstreams(rows.credentials, rows.shares, problems)
        for provider in rows.providers.values():
            if provider.enabled:
                self._upstreams.of(provider)
        self.served = self._compiled()

    def models(self) -> Mapping[str, ModelEntry]:
        """The entries that are found by their whole names."""
        return MappingProxyType({name: entry for name, entry in self.served.items() if not name.endswith(STAR)})

    def wildcards(self) -> Wildcards:
        patterns = [
            Wildcard(name[:-1], entry, self._builder(entry)) for name, entry in self.served.items() if name.endswith(STAR)
        ]
        return Wildcards(patterns, frozenset(row.name for row in self._rows.models.values()))

    def _compiled(self) -> Mapping[str, ModelEntry]:
        chosen = self._rows.chosen
        enabled = [row for pk, row in self._rows.models.items() if row.enabled and (chosen is None or pk in chosen)]
        built = {row.name: self._problems.attempt(f"model {row.name}", row, partial(self._entry, row)) for row in enabled}
        entries = {name: entry for name, entry in built.items() if entry is not None}
        self._report_cycle()
        exact = {name for name in entries if not name.endswith(STAR)}
        # Disabled and unusable models are no fallbacks; the unusable ones were reported already.
        return {
            name: dataclasses.replace(entry, fallbacks=tuple(name for name in entry.fallbacks if name in exact))
            for name, entry in entries.items()
        }

    def _builder(self, pattern: ModelEntry) -> Callable[[str], ModelEntry | None]:
        """What makes the entry of one name of a pattern."""
        row = next(row for row in self._rows.models.values() if row.name == pattern.name)
        routes = []
        listed = self._rows.routes.get(row.pk, ())
        groups = groups_of(row, listed, self._counts(listed))
        for route in listed:
            upstream = self._upstream_of(route)
            if upstream is not None:
                configs = target_configs(row, route, upstream, groups.get(route.pk))
                routes += [(upstream.kind, config) for config in configs]
        return partial(one_of_many, pattern, Card(row), tuple(routes))

    def _entry(self, row: ModelDefinition) -> ModelEntry:
        check(row)
        listed = self._rows.routes.get(row.pk, ())
        groups = groups_of(row, listed, self._counts(listed))
        routes = [(route, groups.get(route.pk)) for route in listed if self._is_on(route)]
        built = [made for route, group in routes for made in self._targets_of(row, route, group)]
        if not built:
            raise Unusable("Not served: no usable route.")
        targets = {}
        for capability in (known for known in Capability if known in row.capabilities):
            targets[capability] = tuple(target for target, capabilities in built if capability in capabilities)
            if not targets[capability]:
                del targets[capability]
                message = f"The capability {capability} is not served: no usable route supports it."
                self._problems.report(f"model {row.name}", message, row, capability)
        if not targets:
            raise Unusable("Not served: no usable route supports any of its capabilities.")
        return ModelEntry(
            name=row.name,
            capabilities=frozenset(targets),
            targets=MappingProxyType(targets),
            fallbacks=self._fallback_names(row),
            retry=RetryPolicy(row.num_retries, row.max_retry_delay_s),
            prices=price_list(row, self._rows.prices.get(row.pk, ()), self._ids_of(listed), self._problems),
            card=Card(row).of(row.name, targets),
            strategy=Strategy(row.strategy),
            affinity=row.affinity,
            cache=CacheUse(row.cache in READS, row.cache in WRITES, row.cache_max_age_s, row.cache_joins),
            most_output_tokens=row.most_output_tokens,
        )

    def _fallback_names(self, row: ModelDefinition) -> tuple[str, ...]:
        names = [self._rows.models[pk].name for pk in self._rows.fallbacks.get(row.pk, ())]
        return tuple(name for name in dict.fromkeys(names) if name != row.name)

    def _report_cycle(self) -> None:
        enabled = {pk: row for pk, row in self._rows.models.items() if row.enabled}
        fallbacks = {pk: others for pk, others in self._rows.fallbacks.items() if pk in enabled}
        graph = {
            enabled[pk].name: [enabled[other].name for other in others if other in enabled] for pk, others in fallbacks.items()
        }
        cycle = validation.find_cycle(graph, sorted(graph))
        if cycle:
            row = next(row for row in enabled.values() if row.name == cycle[0])
            message = f"Fallback cycle: {' → '.join(cycle)}. Each model is tried once."
            self._problems.report(f"model {row.name}", message, row, harmless=True)

    def _is_on(self, route: Route) -> bool:
        return route.enabled and self._rows.providers[route.provider_id].enabled

    def _upstream_of(self, route: Route) -> Upstream | None:
        return self._upstreams.of(self._rows.providers[route.provider_id]) if self._is_on(route) else None

    def _counts(self, routes: Sequence[Route]) -> Mapping[int, int]:
        """How many targets each route has that is in use."""
        return {route.pk: len(found.shares) for route in routes if (found := self._upstream_of(route)) is not None}

    def _ids_of(self, routes: Sequence[Route]) -> Mapping[int, Sequence[str]]:
        """The ids of the targets of each route that is in use."""
        upstreams = ((route, self._upstream_of(route)) for route in routes)
        return {
            route.pk: [target_id(route.pk, share.row) for share in found.shares]
            for route, found in upstreams
            if found is not None
        }

    def _targets_of(self, model: ModelDefinition, route: Route, group: int | None) -> Sequence[Able]:
        where = f"model {model.name}, route {route.name}"
        return self._problems.attempt(where, model, partial(self._targets, model, route, group)) or ()

    def _targets(self, model: ModelDefinition, route: Route, group: int | None) -> Sequence[Able]:
        """The targets of a route, one for each credential of its provider, and what they can do."""
        provider = self._rows.providers[route.provider_id]
        upstream = self._upstreams.of(provider)
        if upstream is None:
            raise Unusable(f"Skipped: the provider {provider.name} is unusable.")
        try:
            targets = [upstream.kind.target(config) for config in target_configs(model, route, upstream, group)]
            return [(target, upstream.kind.capabilities_of(target.upstream_model)) for target in targets]
        except ConfigurationError as err:
            raise Unusable(f"Skipped: {err.field}: {err.message}") from err
