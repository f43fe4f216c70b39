"""Writes the catalog as a TOML configuration that `import_config` reads."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from models_catalog.changes.state import load
from models_catalog.config.gateway.write import write_gateway
from models_catalog.consistent_read import consistent_read
from models_catalog.management.catalog_command import CatalogCommand


class Command(CatalogCommand):
    help = "Writes models, routes and providers as TOML. Stored secrets appear by name only, client keys not at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", metavar="FILE", help="write to this file, readable by its owner only")

    def handle(self, *, output: str | None, **options: Any) -> None:
        with consistent_read():
            text = write_gateway(load(published=False))
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            write(Path(output), text)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}") from None
        self.stdout.write(f"written to {output}")


def write(path: Path, text: str) -> None:
    """Replaces the file at once: nobody sees half of it. Further fields of bodies may hold secrets, so the mode is 0600."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
