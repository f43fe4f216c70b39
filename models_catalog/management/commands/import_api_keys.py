"""Command: imports client keys from a file, all of them or none."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, BinaryIO

from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.clients.importing import import_client_keys
from models_catalog.key_import.clients.reading import MAX_ROWS, Form, Keys, Options
from models_catalog.key_import.clients.report import report_lines, summary
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.management.input_file import positive
from models_catalog.management.key_file import Imported, import_file


class Command(CatalogCommand):
    help = (
        "Imports client keys, plain or as SHA-256, from CSV, JSON, JSON lines, LiteLLM's list of keys, or a key on each line. "
        "Every row is checked first: if one is wrong, nothing is written. No key is ever printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("file", metavar="FILE", help="the file with the keys; - reads standard input")
        add("--format", choices=[*Form], default=Form.AUTO, help="auto goes by the name, then by the first line")
        add("--keys", choices=[*Keys], default=Keys.AUTO, help="auto: 64 hexadecimal digits are a hash, all else are keys")
        add("--tenant", default="", metavar="NAME", help="the tenant of projects and people whose row names none")
        add("--max-rows", type=positive, default=MAX_ROWS, metavar="N", help="refuse files with more rows (%(default)s)")
        add("--dry-run", action="store_true", help="check everything and report, but write nothing")
        add("--progress", action="store_true", help="show progress even if standard error is not a terminal")

    @sensitive_variables()
    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Options(
            form=Form(options["format"]),
            keys=Keys(options["keys"]),
            tenant=options["tenant"],
            max_rows=options["max_rows"],
            progress=options["progress"],
        )
        path, dry_run = options["file"], options["dry_run"]

        def work(stream: BinaryIO) -> Imported:
            report = import_client_keys(stream, path, wanted, dry_run=dry_run)
            return Imported(report_lines(report), summary(report))

        import_file(self, path, work, dry_run=dry_run)
