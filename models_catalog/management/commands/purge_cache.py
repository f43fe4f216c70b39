"""Forgets cached answers."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from models_catalog.cache_names import ALL, of_key, of_model, of_tenant
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.management.commands.revoke_api_key import find
from models_catalog.models import ModelDefinition, Tenant
from models_catalog.purges import erase, purge


class Command(CatalogCommand):
    help = "Forgets cached answers: of models, tenants and client keys, or all. All workers do so within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", action="append", default=[], metavar="NAME", help="those of this model; may be repeated")
        parser.add_argument("--tenant", action="append", default=[], metavar="NAME", help="those of the tenant's client keys")
        parser.add_argument("--key", action="append", default=[], metavar="ID", help="those of a client key, by its id")
        parser.add_argument("--all", action="store_true", help="all of them")
        parser.add_argument(
            "--erase", action="store_true", help="also delete them in Redis now, where they else expire; looks at every key there"
        )

    def handle(self, *, model: list[str], tenant: list[str], key: list[str], **options: Any) -> None:
        names = [ALL] if options["all"] else [*_models(model), *_tenants(tenant), *_keys(key)]
        if not names:
            raise CommandError("say what is to be forgotten: --model, --tenant, --key or --all")
        names = purge(names)
        self.stdout.write("Cached answers are purged: within a second no worker gives them any more.")
        if not options["erase"]:
            return
        deleted = erase(names)
        if deleted is None:
            raise CommandError("redis does not answer: what it holds is not given any more, and stays there until it expires")
        self.stdout.write(f"{deleted} deleted in Redis.")


def _models(names: list[str]) -> Iterator[str]:
    for name in names:
        if not ModelDefinition.objects.filter(name=name).exists():
            raise CommandError(f"there is no model {name!r}")
        yield of_model(name)


def _tenants(names: list[str]) -> Iterator[str]:
    for name in names:
        row = Tenant.objects.filter(name=name).first()
        if row is None:
            raise CommandError(f"there is no tenant {name!r}")
        yield of_tenant(str(row.pk))


def _keys(ids: list[str]) -> Iterator[str]:
    for text in ids:
        row = find(text)
        yield of_key(str(row.lineage or row.pk))
