"""Calls each route of a model for real, directly and in the smallest way, and tells which works."""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from models_catalog.abilities import unserved
from models_catalog.changes.diff import shown
from models_catalog.config.table import nearest
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.models import ModelDefinition
from models_catalog.route_checks.calls import COSTLY
from models_catalog.route_checks.plan import Planned, plan
from models_catalog.route_checks.run import FAILED, Result, run
from models_catalog.route_checks.store import store
from models_catalog.snapshot import STAR
from providers.capabilities import Capability

TOTAL_S = 600.0


class Command(CatalogCommand):
    help = (
        "Makes the smallest real call for each capability of each enabled route, directly at its provider, and stores how it "
        "ended. Images, which cost money, are generated only with --all or when named. Exits with an error if a call fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the model")
        parser.add_argument("--capability", metavar="X", help="only this capability; default: all but images")
        parser.add_argument("--route", metavar="R", help="only the route of this name")
        parser.add_argument("--all", action="store_true", help="also generate images")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, name: str, capability: str | None, route: str | None, **options: Any) -> None:
        model = find_model(name)
        wanted = find_capability(model, capability) if capability is not None else None
        if route is not None:
            check_route(model, route)
        planned = plan([model], capability=wanted, route=route, images=options["all"])
        if not planned:
            raise CommandError(nothing_to_call(model, wanted))
        if not options["json"]:
            self.announce(model, planned)
        tested_at = timezone.now()
        results = asyncio.run(run(planned, TOTAL_S))
        store(results, tested_at)
        if options["json"]:
            checks = [{**described(result), "tested_at": tested_at.isoformat()} for result in results]
            self.stdout.write(json.dumps({"model": model.name, "checks": checks}, indent=2, ensure_ascii=False))
        else:
            self.show(results)
        failed = sum(result.outcome == FAILED for result in results)
        if failed:
            raise CommandError(f"{failed} of {len(results)} failed")

    def announce(self, model: ModelDefinition, planned: Sequence[Planned]) -> None:
        self.stdout.write("Calls " + ", ".join(f"{shown(one.route.name)} {one.capability}" for one in planned))
        for name in sorted(unserved(model)):
            self.stdout.write(f"No route serves {name}")

    def show(self, results: Sequence[Result]) -> None:
        cells = [
            (
                shown(result.planned.route.name),
                result.planned.capability.value,
                result.outcome.value,
                "" if result.latency_ms is None else f"{result.latency_ms} ms",
                ": ".join(text for text in (result.code, result.message) if text),
            )
            for result in results
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        for row in cells:
            padded = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
            self.stdout.write("  ".join([*padded, row[4]]).rstrip())


def described(result: Result) -> dict[str, Any]:
    """The JSON object of one call."""
    planned = result.planned
    return {
        "route": planned.route.name,
        "provider": planned.route.provider.name,
        "upstream_model": planned.route.upstream_model,
        "capability": planned.capability.value,
        "outcome": result.outcome.value,
        "latency_ms": result.latency_ms,
        "code": result.code or None,
        "message": result.message or None,
    }


def find_model(name: str) -> ModelDefinition:
    """The enabled model of that name, with its routes. Raises `CommandError`."""
    rows = {row.name: row for row in ModelDefinition.objects.prefetch_related("routes__provider")}
    if name not in rows:
        raise CommandError(f"unknown model {name!r}{nearest(name, rows)}")
    if not rows[name].enabled:
        raise CommandError(f"the model {name!r} is disabled")
    return rows[name]


def find_capability(model: ModelDefinition, name: str) -> Capability:
    """The capability of that name, which the model has. Raises `CommandError`."""
    if name not in model.capabilities:
        known = ", ".join(model.capabilities)
        raise CommandError(f"the model {model.name!r} has no capability {name!r}; it has {known}")
    return Capability(name)


def check_route(model: ModelDefinition, name: str) -> None:
    """Raises `CommandError` unless the model has the route."""
    names = [route.name for route in model.routes.all()]
    if name not in names:
        raise CommandError(f"the model {model.name!r} has no route {name!r}; it has {', '.join(names) or 'none'}")


def nothing_to_call(model: ModelDefinition, wanted: Capability | None) -> str:
    """Why no call is planned."""
    if model.name.endswith(STAR):
        return f"{model.name!r} is a wildcard and cannot be tested"
    if wanted is None and COSTLY.intersection(model.capabilities):
        return f"nothing to call at {model.name!r} but images: use --all"
    return f"no route of {model.name!r} that is chosen and enabled serves {wanted or 'any of its capabilities'}"
