"""Fills price lists from the `genai-prices` library."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from models_catalog.changes.diff import shown
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.models import ModelDefinition
from models_catalog.price_sync.known import NotInstalled, source
from models_catalog.price_sync.sync import apply, plan


class Command(CatalogCommand):
    help = (
        "Fills the price lists of models from the genai-prices library (pip install 'signalbox[prices]'): what it knows of their "
        "upstream models, with the day from which each price holds. Models with prices of your own are left alone, and prices "
        "that are there are not changed: a new one is added beside them. Nothing is fetched: the prices are those of the "
        "installed version."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", action="append", metavar="NAME", help="Only this model; may be given more than once.")
        parser.add_argument("--dry-run", action="store_true", help="Only show what would be added.")

    def handle(self, *args: Any, **options: Any) -> None:
        models = ModelDefinition.objects.filter(origin="").order_by("name")
        if names := options["model"]:
            models = models.filter(name__in=names)
            if missing := sorted(set(names) - set(models.values_list("name", flat=True))):
                raise CommandError(f"Unknown model: {', '.join(map(shown, missing))}.")
        try:
            told = source()
            with transaction.atomic():
                synced = list(plan(models, datetime.now(UTC)))
                count = 0 if options["dry_run"] else apply(synced)
        except NotInstalled:
            raise CommandError("The library is not installed: pip install 'signalbox[prices]'.") from None
        for sync in synced:
            name = shown(sync.model.name)
            if sync.why:
                self.stdout.write(f"  {name}: {sync.why}")
            for price in sync.added:
                self.stdout.write(f"+ {name}: {price}")
            if sync.left_out and sync.added:
                self.stdout.write(f"  {name}: without {', '.join(sync.left_out)}")
        planned = sum(len(sync.added) for sync in synced)
        done = f"{planned} prices would be added" if options["dry_run"] else f"{count} prices added"
        self.stdout.write(f"{done}, from {told}.")
