"""Is the planned catalog sound? The rules of `validation` over the whole plan, each error at its place in the file."""

from __future__ import annotations

from collections import Counter

from django.core.exceptions import ValidationError
from django.db import models

from models_catalog import keys, validation
from models_catalog.changes.prices import filled
from models_catalog.changes.rows import fill_credential, fill_hook, fill_provider, fill_route
from models_catalog.changes.state import RouteState
from models_catalog.config.document import KeySpec, ModelSpec
from models_catalog.config.plan import Plan
from models_catalog.config.table import nearest
from models_catalog.models import Credential, Hook, ModelDefinition, Provider, Route
from models_catalog.models.columns import fill
from models_catalog.snapshot import STAR

NOT_CHECKED = frozenset({"credential", "model", "provider", "secret"})
"""Columns that are filled when the row is saved."""


def check_plan(plan: Plan) -> None:
    """Adds an error for everything that the catalog may not hold to the plan's findings."""
    for (kind, name), place in plan.places.items():
        if kind == "credential":
            _check_credential(plan, name, place)
        elif kind == "provider":
            _check_provider(plan, name, place)
        elif kind == "hook":
            _check_hook(plan, name, place)
    for model in plan.document.models:
        _check_model(plan, model)
    _check_names(plan)
    if not plan.findings.foreign:  # there they are usual, and do no harm: each model is tried once
        check_circles(plan)
    for key in plan.document.client_keys:
        _check_key(plan, key)


def _check_credential(plan: Plan, name: str, place: str) -> None:
    row, state = Credential(name=name), plan.after.credentials[name]
    if state.source == "stored" and state.secret is None:  # to be entered; until then its providers are out of service
        return
    fill_credential(row, state)
    for messages in errors_of(row).values():
        for message in messages:
            plan.findings.fatal(place, message)


def _check_provider(plan: Plan, name: str, place: str) -> None:
    row = Provider(name=name)
    fill_provider(row, plan.after.providers[name])
    _report(plan, row, place)


def _check_hook(plan: Plan, name: str, place: str) -> None:
    row = Hook(name=name)
    fill_hook(row, plan.after.hooks[name])
    _report(plan, row, place)


def _check_model(plan: Plan, spec: ModelSpec) -> None:
    row = ModelDefinition(name=spec.name)
    fill(row, spec.settings)
    _report(plan, row, spec.place)
    for route in spec.routes:
        route_row = Route()
        fill_route(route_row, RouteState(route.name, "", route.settings), 0)
        _report(plan, route_row, route.place)
    for price in spec.prices or ():
        _report(plan, filled(row, price, {}), f"{spec.place}.prices")
    for name in spec.fallbacks:
        if name not in plan.after.models:
            hint = nearest(name, plan.after.models)
            plan.findings.fatal(spec.fallbacks_place, f"unknown model {name!r}, neither in this file nor in the catalog{hint}")
        elif name.endswith(STAR):
            plan.findings.fatal(spec.fallbacks_place, f"{name!r} is a wildcard and cannot be a fallback")


def _report(plan: Plan, row: models.Model, place: str) -> None:
    for column, messages in errors_of(row).items():
        for message in messages:
            plan.findings.fatal(plan.document.place(place, column), message)


def errors_of(row: models.Model) -> dict[str, list[str]]:
    """What the rules say of a row, by column."""
    try:
        row.clean_fields(exclude=NOT_CHECKED)
    except ValidationError as error:
        return error.message_dict
    return {}


def _check_names(plan: Plan) -> None:
    for kind, specs in (("model", plan.document.models), ("provider", plan.document.providers)):
        for name, count in Counter(spec.name for spec in specs).items():
            if count > 1:
                last = [spec.place for spec in specs if spec.name == name][-1]
                plan.findings.fatal(last, f"duplicate {kind} {name!r}")


def check_circles(plan: Plan) -> None:
    """Models that are their own fallback, and every circle that a model of the file is part of, once."""
    places = {model.name: model.fallbacks_place for model in plan.document.models}
    graph = {name: [other for other in model.fallbacks if other != name] for name, model in plan.after.models.items()}
    for model in plan.document.models:
        if model.name in model.fallbacks:
            plan.findings.fatal(model.fallbacks_place, "a model cannot be its own fallback")
    while cycle := validation.find_cycle(graph, places):
        first = next((name for name in cycle if name in places), None)
        if first is not None:
            plan.findings.fatal(places[first], f"fallback cycle: {' → '.join(cycle)}")
        for name in cycle:
            graph.pop(name, None)


def _check_key(plan: Plan, spec: KeySpec) -> None:
    try:
        keys.check_foreign_key(spec.key.reveal())
    except ValidationError as error:
        for message in error.messages:
            plan.findings.fatal(spec.place, message)
