"""Shows which hooks run, in which order and phases, and where each comes from: the settings or the catalog."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from gateway_project.hook_rows import spec_of
from gateway_project.hook_types import hook_types
from gateway_project.hooks import configured
from models_catalog.compiler import compile_snapshot
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.models import ClientKey, Hook
from openai_api.hooks.specs import HookSpec, HookSpecError, checked

SETTING, ROW = "setting", "catalog"


class Command(CatalogCommand):
    help = "Shows hooks in the order in which they run, without secrets."
    requires_system_checks = []  # what is broken is shown

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, **options: Any) -> None:
        hooks = [*from_settings(), *from_catalog()]
        if options["json"]:
            self.stdout.write(json.dumps(hooks, indent=2, ensure_ascii=False))
            return
        for number, hook in enumerate(hooks, start=1):
            self.stdout.write(f"{number}. {hook['name']} ({hook['hook']}, {hook['from']})  {hook['state']}")
            for text in filter(None, (hook["problem"], narrowed(hook), ", ".join(hook["phases"]))):
                self.stdout.write(f"   {text}")
        if not hooks:
            self.stdout.write("No hooks are configured.")


def narrowed(hook: Mapping[str, Any]) -> str:
    """For what it runs, "" for everything."""
    parts = {"models": hook["models"], "keys": hook["keys"]}
    return ", ".join(f"{name} {' '.join(values)}" for name, values in parts.items() if values)


def from_settings() -> Iterator[dict[str, Any]]:
    """Those of `GATEWAY_HOOKS`."""
    try:
        specs = configured()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None
    for spec in specs:
        yield line(spec, SETTING, spec.name or spec.hook)


def from_catalog() -> Iterator[dict[str, Any]]:
    """Those of the catalog, which run after the others."""
    snapshot = compile_snapshot()
    entries = {entry.id: entry for entry in snapshot.hooks}
    problems = {problem.where: problem.message for problem in snapshot.problems}
    names = dict(ClientKey.objects.filter(hooks__isnull=False).values_list("pk", "name"))
    for row in Hook.objects.order_by("position", "name"):
        entry = entries.get(str(row.pk))
        spec = spec_of(entry) if entry else HookSpec(hook=row.type, name=row.name, models=tuple(row.model_names))
        keys = sorted(names[key.pk] for key in row.client_keys.all())
        told = line(spec, ROW, row.name)
        told["keys"] = keys
        if not row.enabled:
            told |= {"state": "disabled", "problem": None}
        elif entry is None:
            told |= {"state": "broken", "problem": problems.get(f"hook {row.name}", "It is not part of the catalog in force.")}
        yield told


def line(spec: HookSpec, place: str, name: str) -> dict[str, Any]:
    """What is known of a hook without making it."""
    known = hook_types().get(spec.hook)
    told: dict[str, Any] = {
        "name": name,
        "hook": spec.hook,
        "from": place,
        "origin": known.origin if known else "dotted path",
        "state": "ready" if spec.enabled else "disabled",
        "phases": [],
        "models": list(spec.models),
        "keys": list(spec.keys),
        "fail_open": spec.fail_open,
        "time_limit_s": spec.time_limit_s,
        "problem": None,
    }
    try:
        found = checked(spec)
    except HookSpecError as error:
        return told | ({"state": "broken", "problem": str(error)} if spec.enabled else {})
    of_class = {"fail_open": getattr(found.made, "fail_open", False), "time_limit_s": getattr(found.made, "time_limit_s", 1.0)}
    own = {name: value for name, value in of_class.items() if told[name] is None}
    return told | own | {"phases": list(found.phases)}
