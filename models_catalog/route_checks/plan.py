"""Which calls does a test of a model make? One for each capability of each route that is switched on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models_catalog.abilities import is_on, served_by
from models_catalog.compiler import compile_routing
from models_catalog.models import ModelDefinition, Route
from models_catalog.route_checks.calls import COSTLY
from models_catalog.snapshot import STAR, CatalogSnapshot
from models_catalog.target_ids import route_of
from providers.capabilities import Capability
from providers.types import Target


@dataclass(frozen=True, slots=True)
class Planned:
    """One call to come. Without a `target` the route is out of service; `why` says it."""

    model: ModelDefinition
    route: Route
    capability: Capability
    target: Target | None
    why: str = ""


def plan(
    models: Iterable[ModelDefinition], *, capability: Capability | None = None, route: str | None = None, images: bool = False
) -> list[Planned]:
    """The calls for the enabled ones of these models; of all capabilities but the costly ones, unless `images`, or of the
    one named; of all routes, or of the one named. Compiles the catalog, so each target is what clients get."""
    models = list(models)
    snapshot = compile_routing([model.pk for model in models])
    reasons = {problem.where: problem.message for problem in reversed(snapshot.problems)}
    return [
        _planned(model, row, able, snapshot, reasons)
        for model in models
        if model.enabled and not model.name.endswith(STAR)  # nobody says which of its many models to call
        for row in model.routes.all()
        if is_on(row) and route in (None, row.name)
        for able in served_by(row, model)
        if (able is capability if capability else images or able not in COSTLY)
    ]


def _planned(
    model: ModelDefinition, route: Route, capability: Capability, snapshot: CatalogSnapshot, reasons: Mapping[str, str]
) -> Planned:
    entry = snapshot.models.get(model.name)
    targets = entry.targets.get(capability, ()) if entry else ()
    target = next((target for target in targets if route_of(target.id) == str(route.pk)), None)
    places = (f"model {model.name}, route {route.name}", f"model {model.name}")
    why = "" if target else next((reasons[place] for place in places if place in reasons), "Out of service.")
    return Planned(model, route, capability, target, why)
