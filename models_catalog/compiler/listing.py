"""What does the gateway serve, and what not? The catalog's rows beside their compiled form, as plain JSON without secrets."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS

from models_catalog.changes.state import grouped
from models_catalog.compiler.compile import compiled
from models_catalog.compiler.rows import Rows
from models_catalog.consistent_read import consistent_read
from models_catalog.models import Fallback, Hook, ModelDefinition, Route
from models_catalog.models.columns import columns_of, in_order, put
from models_catalog.snapshot import CatalogSnapshot, ModelEntry, Strategy
from models_catalog.target_ids import route_of


def list_catalog() -> dict[str, Any]:
    """`{"version", "models": [{"name", "state", "capabilities", "routes": [...], ...}],
    "hooks": [{"name", "state", "options", ...}], "problems": [{"where", "message"}]}`.

    A model is "ready", "limited" (some capability is not served), "unavailable" or "disabled"; a route or a hook is "ready",
    "unusable" or "disabled".
    """
    with consistent_read():
        rows = list(ModelDefinition.objects.order_by("name"))
        routes = grouped(Route.objects.select_related("provider").order_by("position", "pk"), "model_id")
        fallbacks = grouped(Fallback.objects.select_related("fallback").order_by("position", "pk"), "model_id")
        everything = Rows.read(DEFAULT_DB_ALIAS)
    snapshot = compiled(everything)
    return {
        "version": snapshot.version,
        "models": [_model(row, routes[row.pk], fallbacks[row.pk], snapshot) for row in rows],
        "hooks": [_hook(row, {entry.id for entry in snapshot.hooks}) for row in everything.hooks],
        "problems": [{"where": problem.where, "message": problem.message} for problem in snapshot.problems],
    }


SHARING = ("shares", "weight", "rpm", "tpm", "max_concurrent")
"""What is told of a route where it is not as usual; and of a model its strategy."""


def _model(row: ModelDefinition, routes: list[Route], fallbacks: list[Fallback], snapshot: CatalogSnapshot) -> dict[str, Any]:
    entry = snapshot.entry(row.name)
    targets = {route_of(target.id) for found in entry.targets.values() for target in found} if entry else set()
    found = {
        "name": row.name,
        "state": _state(row, entry),
        "capabilities": in_order(row.capabilities),
        "served_capabilities": sorted(entry.capabilities) if entry else [],
        "routes": [_route(route, targets) for route in routes],
        "fallback_models": [entry.fallback.name for entry in fallbacks],
    }
    for column in columns_of(ModelDefinition):
        if column.listed:
            put(found, column.listed, column.kind.as_json(getattr(row, column.name)))
    return found if row.strategy == Strategy.ORDERED else {**found, "strategy": row.strategy}


def _hook(row: Hook, compiled_ids: set[str]) -> dict[str, Any]:
    ready = "ready" if str(row.pk) in compiled_ids else "unusable"
    found = {
        "name": row.name,
        "state": ready if row.enabled else "disabled",
        "options": {**row.options, **dict.fromkeys(row.secret_names(), "***")},
    }
    for column in columns_of(Hook):
        if column.listed:
            put(found, column.listed, column.kind.as_json(getattr(row, column.name)))
    return found


def _state(row: ModelDefinition, entry: ModelEntry | None) -> str:
    if not row.enabled:
        return "disabled"
    if entry is None:
        return "unavailable"
    return "ready" if set(row.capabilities) == set(entry.capabilities) else "limited"


def _route(route: Route, targets: set[str]) -> dict[str, Any]:
    if not route.enabled or not route.provider.enabled:
        state = "disabled"
    else:
        state = "ready" if str(route.pk) in targets else "unusable"
    shares = {one.name: getattr(route, one.name) for one in columns_of(Route) if one.name in SHARING}
    usual = {one.name: one.absent for one in columns_of(Route)}
    return {
        "name": route.name,
        "provider": route.provider.name,
        "type": route.provider.type,
        "upstream_model": route.upstream_model,
        "state": state,
        **{name: value for name, value in shares.items() if value != usual[name]},
    }
