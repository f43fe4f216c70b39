"""Shows what the gateway serves: models with their routes, hooks, their state, and what is wrong with the catalog."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from models_catalog.changes.diff import shown
from models_catalog.compiler.listing import list_catalog
from models_catalog.management.catalog_command import CatalogCommand

LIMITS = ("weight", "rpm", "tpm", "max_concurrent")
"""Numbers of a route that are told where they are not as usual."""


class Command(CatalogCommand):
    help = "Shows models, routes, hooks and problems, without secrets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        catalog = list_catalog()
        if options["json"]:
            self.stdout.write(json.dumps(catalog, indent=2, ensure_ascii=False))
            return
        for model in catalog["models"]:
            self.show_model(model)
        if not catalog["models"]:
            self.stdout.write("The catalog has no models.")
        for number, hook in enumerate(catalog["hooks"], start=1):
            self.stdout.write(f"hook {number}. {shown(hook['name'])} ({hook['type']})  {hook['state']}")
        for problem in catalog["problems"]:
            self.stdout.write(f"problem: {problem['where']}: {problem['message']}")

    def show_model(self, model: dict[str, Any]) -> None:
        self.stdout.write(f"{shown(model['name'])}  [{', '.join(model['capabilities'])}]  {model['state']}{_strategy(model)}")
        for number, route in enumerate(model["routes"], start=1):
            where = f"{shown(route['provider'])} ({route['type']})"
            said = f"  {number}. {shown(route['name'])} → {where}: {shown(route['upstream_model'])}  {route['state']}"
            more = [f"{name} {route[name]:g}" for name in LIMITS if name in route]
            more = ["shares with the one above", *more] if route.get("shares") else more
            self.stdout.write(f"{said}  ({', '.join(more)})" if more else said)
        if model["fallback_models"]:
            self.stdout.write(f"  then {', '.join(map(shown, model['fallback_models']))}")


def _strategy(model: dict[str, Any]) -> str:
    return f"  by {model['strategy']}" if "strategy" in model else ""
