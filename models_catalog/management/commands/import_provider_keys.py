"""Command: imports provider keys from a CSV, JSON or .env file, all of them or none."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.importing import import_keys
from models_catalog.key_import.reading import MAX_ROWS, Options
from models_catalog.key_import.report import report_lines, summary
from models_catalog.key_import.source import Format
from models_catalog.management.input_file import positive
from models_catalog.management.key_file import Imported, import_file


class Command(BaseCommand):
    help = (
        "Imports provider keys from a CSV, JSON or .env file and stores them encrypted. Every row is checked first: "
        "if one is wrong, nothing is written. No key is ever printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("file", metavar="FILE", help="the file with the keys; - reads standard input")
        add("--format", choices=[*Format], default=Format.AUTO, help="auto goes by the name, then by the first line")
        add("--encrypted", action="store_true", help="the values are RSA-encrypted, unless their row says encryption=plain")
        add("--private-key", metavar="FILE", help="PEM file of the RSA key, instead of GATEWAY_RSA_PRIVATE_KEY or _PATH")
        add("--allow-pkcs1v15", action="store_true", help="also accept the old RSA padding, for values that are not OAEP")
        add("--max-rows", type=positive, default=MAX_ROWS, metavar="N", help="refuse files with more rows (%(default)s)")
        add("--dry-run", action="store_true", help="check everything and report, but write nothing")
        add("--progress", action="store_true", help="show progress even if standard error is not a terminal")

    @sensitive_variables()
    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Options(
            format=Format(options["format"]),
            encrypted=options["encrypted"],
            private_key=options["private_key"],
            allow_pkcs1v15=options["allow_pkcs1v15"],
            max_rows=options["max_rows"],
            progress=options["progress"],
        )
        path, dry_run = options["file"], options["dry_run"]

        def work(stream: BinaryIO) -> Imported:
            report = import_keys(stream, path, wanted, dry_run=dry_run)
            return Imported(report_lines(report), summary(report))

        import_file(self, path, work, dry_run=dry_run)
